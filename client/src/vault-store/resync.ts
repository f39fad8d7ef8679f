/** A pull of everything, where the server cannot go on: what was deleted goes, what the vault has lost is sent again. */
import type { Change } from '@alcove/contract';
import { compareClocks, counterOf } from '@alcove/contract/clock';
import { withEntry } from '../edits.ts';
import { hasPlaceFor, type ItemRef, itemKey, type StoredItem, type StoredVersion } from '../items.ts';
import type { IsUnsynced, QueueEntry } from '../queue.ts';
import {
  type IdentityRecord,
  put,
  type QueuedChange,
  type ResendRecord,
  type Resync,
  recordKeys,
  remove,
  requireIdentity,
  type SyncRecord,
} from '../records.ts';
import type { StorageWrite } from '../storage/storage.ts';
import {
  findItem,
  type ItemChange,
  isAt,
  itemWrites,
  type Position,
  placeWrites,
  readSync,
  type StoreParts,
} from './parts.ts';
import type { Sealing } from './sealing.ts';

/** How many items one write of a sweep takes. */
const sweepChunk = 200;

/** What became of a version that was sent again, and where the vault has it now. */
export type SettledResend = ResendRecord & { readonly seq?: number };

/** What the server says of a vault that cannot go on from where this store was. */
export interface ToldOfResync {
  /** What came with a higher sequence number the vault may have lost. */
  readonly knownUpToSeq: number;
  /** With which counter sent this device came first to the vault that was put back. */
  readonly cameWith: number | undefined;
}

export interface Resyncing {
  begin(from: Position, told: ToldOfResync): Promise<void>;
  finish(end: Position): Promise<ItemChange[]>;
  /** Marks versions that the vault has lost for sending. */
  resendWrites(
    item: ItemRef,
    lost: readonly StoredVersion[],
    identity: IdentityRecord,
  ): Promise<StorageWrite[]>;
  requeue(item: ItemRef, versions: readonly StoredVersion[], identity: IdentityRecord): Promise<Requeued[]>;
  /** Gives the items of which something is gone. */
  settleResends(results: readonly SettledResend[]): Promise<ItemChange[]>;
}

/** An edit that was sent, and waits again. */
export interface Requeued {
  readonly entry: QueueEntry;
  readonly row: QueuedChange;
}

export function createResyncing({ records, queue }: StoreParts, { sealAgain }: Sealing): Resyncing {
  async function begin(from: Position, { knownUpToSeq, cameWith }: ToldOfResync): Promise<void> {
    const sync = await readSync(records);
    if (!isAt(sync, from)) return;
    const { cursor: _lost, resync, ...rest } = sync;
    // What an unfinished one has not shown yet was stored in the history before it.
    const known = Math.min(knownUpToSeq, resync?.knownUpToSeq ?? knownUpToSeq);
    const next = { stamp: crypto.randomUUID(), knownUpToSeq: known };
    const sharedCounter = isOvertaken(sync, cameWith) ? cameWith : resync?.sharedCounter;
    if (sharedCounter === undefined) return queue.write([put(recordKeys.sync, { ...rest, resync: next })]);
    const { vaultCounter: _far, ...apart } = rest;
    await queue.write([put(recordKeys.sync, { ...apart, cloned: true, resync: { ...next, sharedCounter } })]);
  }

  async function finish(end: Position): Promise<ItemChange[]> {
    const { resync, ...rest } = await readSync(records);
    // What another client has begun anew since has not shown everything yet.
    if (resync === undefined || !isAt({ ...rest, resync }, end)) return [];
    const identity = await requireIdentity(records);
    const unsyncedIn = await queue.unsyncedBy(identity.deviceId);
    const items = await records.scan(recordKeys.items());
    const unseen = items.filter(({ shownIn }) => shownIn !== resync.stamp);
    const changed: ItemChange[] = [];
    for (let at = 0; at < unseen.length; at += sweepChunk) {
      const chunk = unseen.slice(at, at + sweepChunk);
      const swept = await Promise.all(chunk.map((item) => sweep(item, resync, unsyncedIn(item), identity)));
      const queued = swept.flatMap((one) => one.queued ?? []);
      await queue.commit([...swept.flatMap(({ writes }) => writes), ...queued.map(queuedWrite)], {
        removed: [],
        put: queued.map(({ entry }) => entry),
      });
      changed.push(...swept.flatMap(({ deleted }) => (deleted === undefined ? [] : [deleted])));
    }
    await queue.write([put(recordKeys.sync, rest)]);
    return changed;
  }

  /** Of an item that a pull of everything has not shown. What waits to be sent stays in any case. */
  async function sweep(
    item: StoredItem,
    resync: Resync,
    isUnsynced: IsUnsynced,
    identity: IdentityRecord,
  ): Promise<{ writes: StorageWrite[]; queued?: Requeued[]; deleted?: ItemChange }> {
    const { kind, id } = item;
    const waiting = item.versions.filter(isUnsynced);
    const settled = item.versions.filter((version) => !isUnsynced(version));
    if (settled.length === 0) return { writes: [] };
    if (isBeyond(resync, item)) {
      const isMine = (version: StoredVersion) => isApart(resync, version, identity);
      const shared = settled.filter((version) => !isMine(version));
      return {
        writes: await resendWrites(item, shared, identity),
        queued: await requeue(item, settled.filter(isMine), identity),
      };
    }
    const writes = withVersions(item, waiting);
    const wasSeen = hasPlaceFor(waiting) || settled.some(({ deleted }) => !deleted);
    return wasSeen ? { writes, deleted: { kind, id } } : { writes };
  }

  async function settleResends(results: readonly SettledResend[]): Promise<ItemChange[]> {
    const taken = results.filter(({ rejected }) => rejected === undefined);
    const forgotten = results.filter(isForgotten).map(({ change }) => change);
    const items = [
      ...new Map(forgotten.map(({ kind, id }) => [itemKey({ kind, id }), { kind, id }])).values(),
    ];
    await queue.write([
      ...results.map((result) => {
        const { change, rejected } = result;
        const key = recordKeys.resend(change);
        return rejected === undefined || isForgotten(result) ? remove(key) : put(key, { change, rejected });
      }),
      ...(await placeWrites(
        records,
        taken.map(({ change, seq }) => ({ ref: change, seq })),
      )),
      ...(await Promise.all(items.map((item) => withoutVersions(item, forgotten)))).flat(),
    ]);
    return items;
  }

  /**
   * The vault may have forgotten these with a deletion. Who brought that deletion had seen them as well, and brings what it still
   * has before anything is forgotten for its sake: so somebody had ended them.
   */
  async function withoutVersions(ref: ItemRef, forgotten: readonly Change[]): Promise<StorageWrite[]> {
    const item = await findItem(records, ref);
    if (item === undefined) return [];
    const clocks = forgotten.filter((change) => itemKey(change) === itemKey(ref)).map(({ clock }) => clock);
    const versions = item.versions.filter(
      (version) => !clocks.some((clock) => compareClocks(version.clock, clock) === 'equal'),
    );
    return withVersions(item, versions);
  }

  async function resendWrites(
    item: ItemRef,
    lost: readonly StoredVersion[],
    identity: IdentityRecord,
  ): Promise<StorageWrite[]> {
    const changes = await sealAgain(item, lost, identity);
    return changes.map((change) => put(recordKeys.resend(change), { change }));
  }

  /** They wait as they did before they were sent, until this store is a device of its own and gives them that one's clock. */
  async function requeue(
    item: ItemRef,
    versions: readonly StoredVersion[],
    identity: IdentityRecord,
  ): Promise<Requeued[]> {
    const sealed = await sealAgain(item, versions, identity);
    return sealed.map((change) => toQueued(change, identity));
  }

  return { begin, finish, requeue, resendWrites, settleResends };
}

/** The item with these versions alone; without any it is gone. */
function withVersions(item: StoredItem, versions: readonly StoredVersion[]): StorageWrite[] {
  if (hasPlaceFor(versions)) return itemWrites({ ...item, versions });
  const { kind, id } = item;
  return [remove(recordKeys.item(kind, id)), remove(recordKeys.conflict(kind, id))];
}

/** The vault that was put back has gone on with another store of this device, from before what this one had sent. */
function isOvertaken({ knownCounter = 0 }: SyncRecord, cameWith: number | undefined): boolean {
  return cameWith !== undefined && cameWith < knownCounter;
}

/** True of an edit of this store that the other one, with which the vault has gone on, has not seen under this clock. */
export function isApart(
  resync: Resync | undefined,
  { deviceId, clock, unopened }: StoredVersion,
  identity: IdentityRecord,
): boolean {
  if (resync?.sharedCounter === undefined || deviceId !== identity.deviceId || unopened !== undefined)
    return false;
  return counterOf(clock, deviceId) > resync.sharedCounter;
}

function isForgotten({ rejected }: SettledResend): boolean {
  return rejected?.code === 'sync.clock_forgotten';
}

function toQueued(sealed: Change, { deviceId }: IdentityRecord): Requeued {
  const { deviceId: _own, ...change } = sealed;
  const { kind, id, clock } = change;
  const counter = counterOf(clock, deviceId);
  return { entry: { counter, kind, id }, row: { change, base: withEntry(clock, deviceId, 0) } };
}

export function queuedWrite({ entry, row }: Requeued): StorageWrite {
  return put(recordKeys.queued(entry.counter), row);
}

/** True when the vault may have lost what this device has of the item. */
export function isBeyond(resync: Resync | undefined, item: StoredItem | undefined): boolean {
  if (resync === undefined || item === undefined) return false;
  return item.seq === undefined || item.seq > resync.knownUpToSeq;
}
