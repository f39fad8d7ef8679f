/** The queue of sealed changes, and the turns that everybody takes who changes the vault on this device. */
import { counterOf } from '@alcove/contract/clock';
import { type ItemRef, itemKey, type StoredVersion } from './items.ts';
import { put, type Records, type Refusal, recordKeys } from './records.ts';
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

/** What a write does to the queue. */
export interface QueueChange {
  readonly removed: readonly number[];
  readonly put: readonly QueueEntry[];
}

/** Says of a version of an item whether it still waits to be sent. */
export type IsUnsynced = (version: StoredVersion) => boolean;

export interface Queue {
  /** One step at a time, of all clients that share the store. Everything below is called within one. */
  exclusively<T>(work: () => Promise<T>): Promise<T>;
  entries(): Promise<ReadonlyMap<number, QueueEntry>>;
  /**
   * Writes what `change` says it does to the queue. Without it, and when nobody can say whether the write happened, what is
   * remembered of the queue is forgotten.
   */
  commit(writes: readonly StorageWrite[], change?: QueueChange): Promise<void>;
  unsyncedBy(deviceId: string): Promise<(item: ItemRef) => IsUnsynced>;
}

export function createQueue(records: Records): Queue {
  let index: Map<number, QueueEntry> | undefined;
  /** The queue's stamp that `index` belongs to. */
  let indexStamp: string | undefined;

  async function entries(): Promise<Map<number, QueueEntry>> {
    index ??= await readEntries(records);
    return index;
  }

  return {
    entries,
    exclusively: (work) =>
      records.withLock('vault', async () => {
        // What is remembered may be the past of another client.
        const stamp = await records.read(recordKeys.queueStamp);
        if (stamp !== indexStamp) index = undefined;
        indexStamp = stamp;
        return work();
      }),
    async commit(writes, change) {
      const before = index;
      index = undefined;
      const stamp = crypto.randomUUID();
      await records.write([...writes, put(recordKeys.queueStamp, stamp)]);
      indexStamp = stamp;
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
