/** The queue of sealed changes, and the turns that everybody takes who changes the vault on this device. */
import { counterOf, descends, tickClock } from '@alcove/contract/clock';
import { type ItemRef, itemKey, type StoredVersion } from './items.ts';
import {
  put,
  type QueuedChange,
  type Records,
  type Refusal,
  recordKeys,
  type StampsRecord,
} from './records.ts';
import type { StorageWrite } from './storage/storage.ts';

/** A queued change without its payload. */
export interface QueueEntry extends ItemRef {
  readonly counter: number;
  readonly rejected?: Refusal;
}

/**
 * Refused for what passes when it is written anew: a device was revoked while this one was away, so that its key is used no
 * more, or the vault has forgotten a deletion that may have seen it.
 */
export function isOutOfDate({ rejected }: { readonly rejected?: Refusal }): boolean {
  return rejected?.code === 'sync.epoch_retired' || rejected?.code === 'sync.clock_forgotten';
}

/** Refused for counters that the vault does not have: those of a version that does not open may be a lie. */
export function isForged({ rejected }: { readonly rejected?: Refusal }): boolean {
  return rejected?.code === 'sync.clock_forged';
}

/** Such counters are in it by somebody's decision alone: without them it passes. */
export function isOverstated(queued: QueuedChange, deviceId: string): boolean {
  const { base, change } = queued;
  if (!isForged(queued) || base === undefined) return false;
  return !descends(tickClock(base, deviceId, counterOf(change.clock, deviceId)), change.clock);
}

/** What a write does to the queue. */
export interface QueueChange {
  readonly removed: readonly number[];
  readonly put: readonly QueueEntry[];
}

/** Says of a version of an item whether it still waits to be sent. */
export type IsUnsynced = (version: StoredVersion) => boolean;

/**
 * Everything but `exclusively` is called within the work that it runs.
 *
 * Locks alone do not keep two clients of a store apart: one that was suspended in the middle of its work may go on when
 * its lock is another's. So each write is made only on the vault that its work has read; else the work begins again.
 */
export interface Queue {
  /** One step at a time, of all clients that share the store. `work` may run several times before it is done once. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  entries(): Promise<ReadonlyMap<number, QueueEntry>>;
  /** Writes what leaves the queue as it is. */
  write(writes: readonly StorageWrite[]): Promise<void>;
  /**
   * Writes what `change` says it does to the queue. Without it, and when nobody can say whether the write happened, what is
   * remembered of the queue is forgotten.
   */
  commit(writes: readonly StorageWrite[], change?: QueueChange): Promise<void>;
  unsyncedBy(deviceId: string): Promise<(item: ItemRef) => IsUnsynced>;
}

/** Another client has written since the work began. */
class Overtaken extends Error {}

export function createQueue(records: Records): Queue {
  let index: Map<number, QueueEntry> | undefined;
  /** As they were when the work began, or its last write was made. */
  let stamps: StampsRecord | undefined;

  async function entries(): Promise<Map<number, QueueEntry>> {
    index ??= await readEntries(records);
    return index;
  }

  async function lookAgain(): Promise<void> {
    const stored = await records.read(recordKeys.stamps);
    // What is remembered may be the past of another client.
    if (stored?.queue !== stamps?.queue) index = undefined;
    stamps = stored;
  }

  async function writeAs(next: StampsRecord, writes: readonly StorageWrite[]): Promise<void> {
    const isMet = await records.writeIf(recordKeys.stamps, stamps, [...writes, put(recordKeys.stamps, next)]);
    if (!isMet) throw new Overtaken('another client of the store was quicker');
    stamps = next;
  }

  return {
    entries,
    exclusively: (work) =>
      records.withLock('vault', async () => {
        for (;;) {
          await lookAgain();
          try {
            return await work();
          } catch (error) {
            if (!(error instanceof Overtaken)) throw error;
          }
        }
      }),
    write: (writes) =>
      writeAs({ vault: crypto.randomUUID(), queue: stamps?.queue ?? crypto.randomUUID() }, writes),
    async commit(writes, change) {
      const before = index;
      index = undefined;
      await writeAs({ vault: crypto.randomUUID(), queue: crypto.randomUUID() }, writes);
      if (before === undefined || change === undefined) return;
      for (const counter of change.removed) before.delete(counter);
      for (const entry of change.put) before.set(entry.counter, entry);
      index = before;
    },
    async unsyncedBy(deviceId) {
      const queue = await entries();
      return (item) => (version) => {
        const entry =
          version.deviceId === deviceId ? queue.get(counterOf(version.clock, deviceId)) : undefined;
        return entry !== undefined && itemKey(entry) === itemKey(item);
      };
    },
  };
}

async function readEntries(records: Records): Promise<Map<number, QueueEntry>> {
  const identity = await records.read(recordKeys.identity);
  if (identity === undefined) return new Map();
  const rows = await records.scan(recordKeys.queue);
  return new Map(
    rows.map(({ change: { kind, id, clock }, rejected }) => {
      const counter = counterOf(clock, identity.deviceId);
      return [counter, { counter, kind, id, ...(rejected === undefined ? {} : { rejected }) }];
    }),
  );
}
