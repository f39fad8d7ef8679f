/** A push whose answer was lost: what of it a pull shows has arrived. */
import type { Change, ChangeOut, Version } from '@alcove/contract';
import { compareClocks } from '@alcove/contract/clock';
import { withEntry } from '../edits.ts';
import { itemKey } from '../items.ts';
import type { QueueEntry } from '../queue.ts';
import { type IdentityRecord, put, recordKeys, remove } from '../records.ts';
import type { StorageWrite } from '../storage/storage.ts';
import type { StoreParts } from './parts.ts';
import { versionsOf } from './sealing.ts';

export interface Arrivals {
  find(shown: readonly ChangeOut[]): Promise<QueueEntry[]>;
  writes(arrived: readonly QueueEntry[], identity: IdentityRecord): Promise<StorageWrite[]>;
}

export function createArrivals({ records, queue }: StoreParts): Arrivals {
  /** Of a push whose answer was lost: what the vault shows just as it was sent. */
  async function find(shown: readonly ChangeOut[]): Promise<QueueEntry[]> {
    const { counters = [] } = (await records.read(recordKeys.sending)) ?? {};
    const waiting = await queue.entries();
    const arrived: QueueEntry[] = [];
    for (const counter of counters) {
      const entry = waiting.get(counter);
      const queued = await records.read(recordKeys.queued(counter));
      if (entry === undefined || queued === undefined) continue;
      const found = shown.find((change) => itemKey(change) === itemKey(entry));
      const versions = found === undefined ? [] : versionsOf(found);
      if (versions.some((version) => isCopyOf(version, queued.change))) arrived.push(entry);
    }
    return arrived;
  }

  /** They leave the queue, and a newer edit of the same item has seen them in the vault. */
  async function writes(
    arrived: readonly QueueEntry[],
    { deviceId }: IdentityRecord,
  ): Promise<StorageWrite[]> {
    const seenWrites: StorageWrite[] = [];
    for (const entry of (await queue.entries()).values()) {
      const seen = arrived.find(
        (older) => older.counter < entry.counter && itemKey(older) === itemKey(entry),
      );
      const key = recordKeys.queued(entry.counter);
      const queued = seen === undefined ? undefined : await records.read(key);
      if (seen === undefined || queued === undefined) continue;
      seenWrites.push(put(key, { ...queued, base: withEntry(queued.base ?? {}, deviceId, seen.counter) }));
    }
    return [...seenWrites, ...arrived.map(({ counter }) => remove(recordKeys.queued(counter)))];
  }

  return { find, writes };
}

/** What is sealed alike says alike, and nobody else could have sealed it. */
function isCopyOf(version: Version, { clock, op, payload }: Change): boolean {
  return (
    compareClocks(version.clock, clock) === 'equal' &&
    version.deleted === (op === 'delete') &&
    version.payload === payload
  );
}
