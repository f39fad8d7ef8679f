/** Items as the rule sees them, and which rows change when one comes to hold another version. */
import type { Kind, VectorClock } from '@alcove/contract';
import type { Extent, ItemPlace } from './admission.ts';
import type { AuthoredChange } from './change.ts';
import { type HeldRow, type ItemStore, type VersionRow, weightOf } from './item-store.ts';
import { readStored } from './stored-json.ts';
import { type Content, chooseLeader, isSameContent, type Version, withJoinedCounts } from './versions.ts';

export interface HeldVersion extends Version {
  readonly row: Pick<HeldRow, 'clock' | 'meta'>;
  /** Bytes that it adds to an answer, rounded up. */
  readonly weight: number;
}

export interface HeldItem {
  readonly seq: number;
  /** The leading one first. */
  readonly versions: readonly HeldVersion[];
}

export interface IncomingVersion extends HeldVersion {
  readonly row: VersionRow;
}

/** A version that no held one has seen, among those that it has not seen itself. */
export interface Arrival {
  readonly incoming: IncomingVersion;
  readonly beside: readonly HeldVersion[];
  readonly item: HeldItem | undefined;
}

/** The item as it will be. */
export interface Arrangement {
  readonly leader: HeldVersion;
  /** What the item shows as meta; `null` where it is that of the leader's row, if there is any. */
  readonly meta: string | null;
  readonly extent: Extent;
}

export function findItem(items: ItemStore, { kind, id }: ItemPlace): HeldItem | undefined {
  const leader = items.findLeader(kind, id);
  if (leader === undefined) return undefined;
  const rows = leader.sibling_count === 0 ? [leader] : [leader, ...items.listSiblings(kind, id)];
  return { seq: leader.seq, versions: rows.map(rowToVersion) };
}

function rowToVersion(row: HeldRow): HeldVersion {
  return {
    row,
    weight: row.weight,
    clock: readStored<VectorClock>(row.clock),
    orderTime: row.order_time,
    deviceId: row.device_id,
    deleted: row.deleted === 1,
    meta: row.meta === null ? undefined : readStored(row.meta),
  };
}

/** Whether a version comes again under its clock. What was written in the held one is read for this alone. */
export function isSame(
  items: ItemStore,
  { kind, id }: ItemPlace,
  held: HeldVersion,
  incoming: IncomingVersion,
): boolean {
  const row = items.getVersion(kind, id, held.row.clock);
  return isSameContent(contentOf(row), contentOf(incoming.row));
}

const contentOf = ({ deleted, payload, meta }: VersionRow): Content => ({
  deleted: deleted === 1,
  payload: payload ?? undefined,
  meta: meta === null ? undefined : readStored(meta),
});

/** A change as the version that it is to be. */
export function changeToVersion(change: AuthoredChange, orderTime: string): IncomingVersion {
  const { time, deviceId, epoch, meta } = change;
  const deleted = change.op === 'delete';
  const row: VersionRow = {
    clock: JSON.stringify(change.clock),
    time,
    order_time: orderTime === time ? null : orderTime,
    device_id: deviceId,
    epoch,
    deleted: deleted ? 1 : 0,
    payload: change.payload ?? null,
    meta: meta === undefined ? null : JSON.stringify(meta),
  };
  return { row, weight: weightOf(row), clock: change.clock, orderTime, deviceId, deleted, meta };
}

export function arrange(kind: Kind, { incoming, beside, item }: Arrival): Arrangement {
  const leader = chooseLeader<HeldVersion>(kind, incoming, beside);
  const meta = kind === 'memory' ? joinMeta(leader, [incoming, ...(item?.versions ?? [])]) : leader.row.meta;
  const { items, bytes } = extentOf([incoming, ...beside]);
  return { leader, meta, extent: { items, bytes: bytes + lengthOf(meta) - lengthOf(leader.row.meta) } };
}

const lengthOf = (text: string | null) => text?.length ?? 0;

function joinMeta(leader: HeldVersion, all: readonly HeldVersion[]): string | null {
  const meta = withJoinedCounts(leader, all);
  return meta === undefined ? null : JSON.stringify(meta);
}

export function extentOf(versions: readonly HeldVersion[]): Extent {
  return {
    items: versions.some(({ deleted }) => !deleted) ? 1 : 0,
    bytes: versions.reduce((sum, { weight }) => sum + weight, 0),
  };
}

/** Changes the rows that have to: what was written in a version that stays where it is, is not even read. */
export function writeItem(
  items: ItemStore,
  place: ItemPlace & { readonly seq: number },
  { incoming, beside, item }: Arrival,
  { leader, meta, extent }: Arrangement,
): void {
  const [before, ...siblings] = item?.versions ?? [];
  const stays = (version: HeldVersion) => beside.includes(version);
  const row = { ...place, siblingCount: beside.length, isLive: extent.items > 0, meta };
  if (before !== undefined && before !== leader && stays(before)) items.layAside(place);
  if (before === undefined) items.add(row, incoming.row);
  else if (leader === incoming) items.putLeader(row, incoming.row);
  else if (leader === before) items.keepLeader(row);
  else items.promote(row, leader.row.clock);
  if (leader !== incoming) items.addSibling(place, incoming.row);
  for (const sibling of siblings)
    if (sibling === leader || !stays(sibling)) items.dropSibling(place, sibling.row.clock);
  // Of an entry that was deleted nothing may stay.
  if (place.kind === 'entry' && !row.isLive) items.dropEmbeddings(place.id);
}
