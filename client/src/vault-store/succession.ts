/** Queued edits under another clock: those that came too late, and all of a store that becomes another device. */
import { counterOf, tickClock } from '@alcove/contract/clock';
import { withEntry } from '../edits.ts';
import { type ItemRef, itemKey } from '../items.ts';
import { isOutOfDate, isOverstated } from '../queue.ts';
import {
  type IdentityRecord,
  type MemberIdentity,
  put,
  type QueuedChange,
  recordKeys,
  remove,
  requireMember,
} from '../records.ts';
import { type NewStamp, restamp } from '../restamp.ts';
import type { StorageWrite } from '../storage/storage.ts';
import { findItem, itemWrites, readSync, type StoreParts } from './parts.ts';

export interface Succession {
  renewRefused(): Promise<boolean>;
  suspectCopy(sentCounter: number, vaultCounter: number | undefined): Promise<void>;
  knowItself(): Promise<boolean>;
  succeed(next: MemberIdentity, writes: readonly StorageWrite[]): Promise<void>;
}

export function createSuccession({ records, keyring, queue }: StoreParts): Succession {
  /**
   * Edits that came too late, as later ones under the current key. The server may hold the old ones: it sees these as newer.
   * Those that said too much, as later ones that say no more than what opened here.
   */
  async function renewRefused(): Promise<boolean> {
    const identity = await requireMember(records);
    const { deviceId } = identity;
    const rows = await records.scan(recordKeys.queue);
    const refused = rows.filter((row) => isOutOfDate(row) || isOverstated(row, deviceId));
    if (refused.length === 0) return false;
    const epochKey = await keyring.current();
    const tick = (await records.read(recordKeys.tick)) ?? { counter: 0 };
    const stamps = refused.map((queued, at) => {
      const { base, change } = queued;
      const seen = base !== undefined && isOverstated(queued, deviceId) ? base : change.clock;
      const counter = tick.counter + at + 1;
      return { queued, deviceId, counter, clock: tickClock(seen, deviceId, counter), epochKey };
    });
    await restampAll(stamps, identity, [
      put(recordKeys.tick, { ...tick, counter: tick.counter + stamps.length }),
    ]);
    return true;
  }

  /** What was said is what this store knows, and not what another client of it knew. */
  async function suspectCopy(sentCounter: number, vaultCounter: number | undefined): Promise<void> {
    const sync = await readSync(records);
    if ((sync.sentCounter ?? 0) !== sentCounter) return;
    const far = vaultCounter === undefined ? {} : { vaultCounter };
    await queue.write([put(recordKeys.sync, { ...sync, cloned: true, ...far })]);
  }

  /** The pull has shown the push whose answer was lost, and nothing beyond it. */
  async function knowItself(): Promise<boolean> {
    const sending = await records.read(recordKeys.sending);
    const { cloned = false, vaultCounter = Number.POSITIVE_INFINITY, ...sync } = await readSync(records);
    // Another client of the store has found out.
    if (!cloned) return true;
    const sentCounter = Math.max(0, ...(sending?.counters ?? []));
    const waiting = await queue.entries();
    if (vaultCounter > sentCounter || sending?.counters.some((counter) => waiting.has(counter))) return false;
    await queue.write([put(recordKeys.sync, { ...sync, sentCounter }), remove(recordKeys.sending)]);
    return true;
  }

  /** Makes the queue that of another device: what it sent before counts for nothing, and what it had seen stays seen. */
  async function succeed(next: MemberIdentity, writes: readonly StorageWrite[]): Promise<void> {
    const former = await requireMember(records);
    const epochKey = await keyring.current();
    const rows = await records.scan(recordKeys.queue);
    const newest = new Map(rows.map((row) => [itemKey(row.change), row]));
    const { deviceId } = next;
    const stamps = [...newest.values()].map((queued, at) => {
      const base = queued.base ?? withEntry(queued.change.clock, former.deviceId, 0);
      return { queued, deviceId, counter: at + 1, clock: tickClock(base, deviceId, at + 1), epochKey };
    });
    const { cloned = false, vaultCounter: _far, ...sync } = await readSync(records);
    // Another client of the store has done it.
    if (!cloned) return;
    const { time } = (await records.read(recordKeys.tick)) ?? {};
    await restampAll(stamps, former, [
      ...rows.map(({ change }) => remove(recordKeys.queued(counterOf(change.clock, former.deviceId)))),
      remove(recordKeys.sending),
      put(recordKeys.sync, { ...sync, sentCounter: 0, knownCounter: 0 }),
      put(recordKeys.tick, { counter: stamps.length, ...(time === undefined ? {} : { time }) }),
      ...writes,
    ]);
  }

  async function restampAll(
    stamps: readonly (NewStamp & { readonly queued: QueuedChange })[],
    { accountId, deviceId }: IdentityRecord,
    writes: readonly StorageWrite[],
  ): Promise<void> {
    const parts = { accountId, deviceId, keyring, readItem: (ref: ItemRef) => findItem(records, ref) };
    const made = await Promise.all(stamps.map(({ queued, ...stamp }) => restamp(queued, stamp, parts)));
    const old = stamps.map(({ queued }) => counterOf(queued.change.clock, deviceId));
    await queue.commit([
      ...old.map((counter) => remove(recordKeys.queued(counter))),
      ...writes,
      ...made.map(({ row: { counter, ...row } }) => put(recordKeys.queued(counter), row)),
      ...made.flatMap(({ item }) => itemWrites(item)),
    ]);
  }

  return { renewRefused, suspectCopy, knowItself, succeed };
}
