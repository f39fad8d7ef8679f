/** A pull of everything, where the server cannot go on: what was deleted goes, what the vault has lost is sent again. */
import { hasPlaceFor, type ItemRef, type StoredItem, type StoredVersion } from '../items.ts';
import type { IsUnsynced } from '../queue.ts';
import {
  type IdentityRecord,
  put,
  type ResendRecord,
  type Resync,
  recordKeys,
  remove,
  requireIdentity,
} from '../records.ts';
import type { StorageWrite } from '../storage/storage.ts';
import {
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

export interface Resyncing {
  begin(from: Position, knownUpToSeq: number): Promise<void>;
  finish(end: Position): Promise<ItemChange[]>;
  /** Marks versions that the vault has lost for sending. */
  resendWrites(
    item: ItemRef,
    lost: readonly StoredVersion[],
    identity: IdentityRecord,
  ): Promise<StorageWrite[]>;
  settleResends(results: readonly SettledResend[]): Promise<void>;
}

export function createResyncing({ records, queue }: StoreParts, { sealAgain }: Sealing): Resyncing {
  async function begin(from: Position, knownUpToSeq: number): Promise<void> {
    const sync = await readSync(records);
    if (!isAt(sync, from)) return;
    const { cursor: _lost, resync, ...rest } = sync;
    // What an unfinished one has not shown yet was stored in the history before it.
    const known = Math.min(knownUpToSeq, resync?.knownUpToSeq ?? knownUpToSeq);
    const next = { stamp: crypto.randomUUID(), knownUpToSeq: known };
    await queue.write([put(recordKeys.sync, { ...rest, resync: next })]);
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
      await queue.write(swept.flatMap(({ writes }) => writes));
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
  ): Promise<{ writes: StorageWrite[]; deleted?: ItemChange }> {
    const { kind, id } = item;
    const waiting = item.versions.filter(isUnsynced);
    const settled = item.versions.filter((version) => !isUnsynced(version));
    if (settled.length === 0) return { writes: [] };
    if (isBeyond(resync, item)) return { writes: await resendWrites(item, settled, identity) };
    if (hasPlaceFor(waiting))
      return { writes: itemWrites({ ...item, versions: waiting }), deleted: { kind, id } };
    const writes = [remove(recordKeys.item(kind, id)), remove(recordKeys.conflict(kind, id))];
    return { writes, ...(settled.every(({ deleted }) => deleted) ? {} : { deleted: { kind, id } }) };
  }

  async function settleResends(results: readonly SettledResend[]): Promise<void> {
    const taken = results.filter(({ rejected }) => rejected === undefined);
    await queue.write([
      ...results.map(({ change, rejected }) => {
        const key = recordKeys.resend(change);
        return rejected === undefined ? remove(key) : put(key, { change, rejected });
      }),
      ...(await placeWrites(
        records,
        taken.map(({ change, seq }) => ({ ref: change, seq })),
      )),
    ]);
  }
  async function resendWrites(
    item: ItemRef,
    lost: readonly StoredVersion[],
    identity: IdentityRecord,
  ): Promise<StorageWrite[]> {
    const changes = await sealAgain(item, lost, identity);
    return changes.map((change) => put(recordKeys.resend(change), { change }));
  }

  return { begin, finish, resendWrites, settleResends };
}

/** True when the vault may have lost what this device has of the item. */
export function isBeyond(resync: Resync | undefined, item: StoredItem | undefined): boolean {
  if (resync === undefined || item === undefined) return false;
  return item.seq === undefined || item.seq > resync.knownUpToSeq;
}
