/** Takes the changes of one push, one after the other, and keeps count of what they did together. */
import type { Change, PushResult } from '@alcove/contract';
import { counterOf } from '@alcove/contract/clock';
import { formatHybridTime } from '@alcove/contract/hybrid-time';
import { createIds, type Ids } from '../../../platform/ids/index.ts';
import { type Rejection, rejections } from '../errors.ts';
import { readChange } from './change.ts';
import type { History } from './cursor.ts';
import { type ItemRow, rowToVersion, type VaultStore, type VersionRow } from './vault-store.ts';
import { chooseLeader, type HeldVersion, seenBy, weigh, withJoinedCounts } from './versions.ts';

export interface Batch {
  readonly store: VaultStore;
  readonly deviceId: string;
  readonly nowMs: number;
  /** The same moment as RFC 3339. */
  readonly at: string;
  readonly ids: Ids;
  readonly history: History;
  /** The sequence number of the last change that was accepted. */
  head: number;
  /** The highest counter that the vault knows of the calling device. */
  counter: number;
  /** How far the furthest time lies ahead of ours. */
  aheadMs: number;
  hasDeleted: boolean;
  /** JSON of the items as they are, by the position of the stale change that asked. */
  readonly currents: Map<number, string>;
  currentsLength: number;
}

/** A clock further ahead than this is told so, and does not win by it. */
export const aheadMaxMs = 5 * 60 * 1000;
/** An item with more versions than this asks its owner to choose before it takes another. */
export const versionsPerItemMax = 32;
/** Beyond this many characters stale results come without `current`: a pull has it. */
const currentsLengthMax = 4 * 1024 * 1024;

interface HeldItem {
  readonly row: ItemRow;
  readonly siblings: readonly VersionRow[];
  readonly versions: readonly HeldVersion[];
}

export function createBatch(store: VaultStore, caller: { deviceId: string; nowMs: number }): Batch {
  const history = store.getHistory();
  return {
    store,
    deviceId: caller.deviceId,
    nowMs: caller.nowMs,
    at: new Date(caller.nowMs).toISOString(),
    ids: createIds({ now: () => caller.nowMs }),
    history,
    head: history.head,
    counter: store.findCounter(caller.deviceId) ?? 0,
    aheadMs: 0,
    hasDeleted: false,
    currents: new Map(),
    currentsLength: 0,
  };
}

export function takeChange(batch: Batch, raw: unknown, position: number): PushResult {
  const read = readChange(raw, batch.deviceId);
  if (!read.ok) return rejected(idOf(raw), read.code, read.detail);
  const { change, atMs } = read;
  batch.aheadMs = Math.max(batch.aheadMs, atMs - batch.nowMs);
  const item = findItem(batch.store, change);
  const forged = findForgedEntry(batch, change, item);
  if (forged !== undefined) return rejected(change.id, rejections.clockForged, forged);
  const incoming = toVersion(batch, change, atMs);
  if (item === undefined) return hold(batch, change, incoming, undefined, []);
  const verdict = weigh(item.versions, incoming);
  switch (verdict.kind) {
    case 'duplicate':
      return { id: change.id, status: 'duplicate', seq: item.row.seq };
    case 'reused':
      return rejected(change.id, rejections.clockReused, reusedDetail);
    case 'stale':
      return stale(batch, change, item, position);
    case 'held':
      return hold(batch, change, incoming, item, verdict.beside);
  }
}

/** Writes down what the changes did together. */
export function closeBatch(batch: Batch): void {
  if (batch.head === batch.history.head) return;
  batch.store.setHead(batch.head);
  batch.store.raiseCounter(batch.deviceId, batch.counter, batch.at);
  if (batch.hasDeleted) batch.store.forgetCurrents();
}

const reusedDetail =
  'the vault holds other content under the very same clock: this device was cloned or restored and needs a new identity';

function findItem(store: VaultStore, change: Change): HeldItem | undefined {
  const row = store.findItem(change.kind, change.id);
  if (row === undefined) return undefined;
  const siblings = row.sibling_count === 0 ? [] : store.findSiblings(change.kind, change.id);
  return { row, siblings, versions: [row, ...siblings].map(rowToVersion) };
}

/** Only the pusher's own entry may grow; else any device could make its version look newer than another's. */
function findForgedEntry(batch: Batch, change: Change, item: HeldItem | undefined): string | undefined {
  const seen = item === undefined ? undefined : seenBy(item.versions);
  for (const [device, counter] of Object.entries(change.clock)) {
    if (device === batch.deviceId) continue;
    const known = seen === undefined ? (batch.store.findCounter(device) ?? 0) : counterOf(seen, device);
    if (counter > known) {
      return `clock.${device} must be at most ${known}, what the vault has of that device, got ${counter}`;
    }
  }
  return undefined;
}

function toVersion(batch: Batch, change: Change, atMs: number): HeldVersion {
  return {
    clock: change.clock,
    time: change.time,
    orderTime: atMs - batch.nowMs > aheadMaxMs ? formatHybridTime(batch.nowMs, 0) : change.time,
    deviceId: batch.deviceId,
    epoch: change.epoch,
    deleted: change.op === 'delete',
    payload: change.payload,
    meta: change.meta,
  };
}

function stale(batch: Batch, change: Change, { row }: HeldItem, position: number): PushResult {
  const json = Buffer.from(batch.store.getItemJson(change.kind, change.id)).toString();
  batch.currentsLength += json.length;
  if (batch.currentsLength <= currentsLengthMax) batch.currents.set(position, json);
  return { id: change.id, status: 'stale', seq: row.seq };
}

function hold(
  batch: Batch,
  change: Change,
  incoming: HeldVersion,
  item: HeldItem | undefined,
  beside: readonly HeldVersion[],
): PushResult {
  if (beside.length >= versionsPerItemMax) {
    return rejected(
      change.id,
      rejections.tooManyVersions,
      `the item has ${beside.length} concurrent versions: push one that has seen them before adding another`,
    );
  }
  const { id, kind } = change;
  const leader = chooseLeader(kind, incoming, beside);
  const siblings = [incoming, ...beside].filter((version) => version !== leader);
  batch.head += 1;
  batch.store.putItem({
    kind,
    id,
    seq: batch.head,
    leader: kind === 'memory' ? withJoinedCounts(leader, [incoming, ...(item?.versions ?? [])]) : leader,
    siblings,
    hadSiblings: item !== undefined && item.siblings.length > 0,
  });
  note(batch, incoming);
  if (kind !== 'entry') return { id, status: beside.length === 0 ? 'applied' : 'merged', seq: batch.head };
  return { id, ...settleConflict(batch, id, [leader, ...siblings], item), seq: batch.head };
}

function note(batch: Batch, accepted: HeldVersion): void {
  batch.counter = Math.max(batch.counter, counterOf(accepted.clock, batch.deviceId));
  batch.hasDeleted ||= accepted.deleted;
}

/**
 * Entries are for a person to decide: concurrent versions of one are an open conflict until a version has seen them all.
 * When every one of them is a deletion there is nothing to decide.
 */
function settleConflict(
  batch: Batch,
  itemId: string,
  versions: readonly HeldVersion[],
  before: HeldItem | undefined,
): Pick<PushResult, 'status' | 'conflictId'> {
  const { store } = batch;
  const isOpen = versions.length > 1 && versions.some(({ deleted }) => !deleted);
  if (!isOpen) {
    if (before !== undefined && before.siblings.length > 0) store.resolveConflict('entry', itemId, batch.at);
    return { status: versions.length > 1 ? 'merged' : 'applied' };
  }
  const known = store.findOpenConflict('entry', itemId);
  const conflictId = known ?? batch.ids.uuid();
  if (known === undefined) store.openConflict({ id: conflictId, kind: 'entry', itemId, at: batch.at });
  return { status: 'conflict', conflictId };
}

function rejected(id: string, code: Rejection, detail: string): PushResult {
  return { id, status: 'rejected', code, detail };
}

/** So that the caller finds its change again, even one whose id is what is wrong. */
function idOf(raw: unknown): string {
  const hasId = typeof raw === 'object' && raw !== null && 'id' in raw && typeof raw.id === 'string';
  return hasId ? String(raw.id).slice(0, 64) : '';
}
