/** The way from the queue to the server: what is under way, and what became of it. */
import type { Change } from '@alcove/contract';
import { itemKey } from '../items.ts';
import type { QueueEntry } from '../queue.ts';
import { put, type Refusal, recordKeys, remove, type SendingRecord } from '../records.ts';
import type { StorageWrite } from '../storage/storage.ts';
import { type ItemPlace, placeWrites, readSync, type StoreParts } from './parts.ts';

/** A push with its changes at hand. */
export interface Batch extends SendingRecord {
  readonly changes: readonly Change[];
}

/** What became of a queued change. */
export interface Settled {
  readonly counter: number;
  readonly rejected?: Refusal;
  /** Where the vault has the item now, of a change that was taken. */
  readonly seq?: number;
}

/** What the answer to a push says. */
export interface Outcome {
  readonly results: readonly Settled[];
  /** The highest own counter whose push has been answered. */
  readonly sentCounter?: number;
}

export interface Sending {
  find(): Promise<Batch | undefined>;
  start(counters: readonly number[]): Promise<Batch | undefined>;
  settle(key: string, outcome: Outcome): Promise<void>;
}

export function createSending({ records, queue }: StoreParts): Sending {
  async function find(): Promise<Batch | undefined> {
    const sending = await records.read(recordKeys.sending);
    return sending === undefined ? undefined : readBatch(sending);
  }

  async function start(counters: readonly number[]): Promise<Batch | undefined> {
    const underWay = await find();
    if (underWay !== undefined) return underWay;
    const entries = await queue.entries();
    const { sentCounter = 0 } = await readSync(records);
    const waiting = counters.filter((counter) => entries.has(counter));
    if (waiting.length === 0) return undefined;
    const sending = { key: crypto.randomUUID(), counters: waiting, sentCounter };
    await queue.write([put(recordKeys.sending, sending)]);
    return readBatch(sending);
  }

  /** Of a push that another client of the store has seen to the end nothing is left to say. */
  async function settle(key: string, { results, sentCounter }: Outcome): Promise<void> {
    if ((await records.read(recordKeys.sending))?.key !== key) return;
    const entries = await queue.entries();
    const newest = newestCounters(entries);
    const removed: number[] = [];
    const refused: QueueEntry[] = [];
    const taken: ItemPlace[] = [];
    for (const { counter, rejected, seq } of results) {
      const entry = entries.get(counter);
      if (entry === undefined) continue;
      if (rejected === undefined) taken.push({ ref: entry, seq });
      // A newer edit of the item has seen the refused one, and says more.
      if (rejected === undefined || newest.get(itemKey(entry)) !== counter) removed.push(counter);
      else refused.push({ ...entry, rejected });
    }
    const writes = [
      ...removed.map((counter) => remove(recordKeys.queued(counter))),
      ...(await Promise.all(refused.map(refusalWrite))),
      ...(await placeWrites(records, taken)),
      ...(sentCounter === undefined
        ? []
        : [put(recordKeys.sync, { ...(await readSync(records)), sentCounter })]),
      remove(recordKeys.sending),
    ];
    await queue.commit(writes, { removed, put: refused });
  }

  async function readBatch(sending: SendingRecord): Promise<Batch | undefined> {
    const rows = await Promise.all(
      sending.counters.map((counter) => records.read(recordKeys.queued(counter))),
    );
    const changes = rows.flatMap((row) => (row === undefined ? [] : [row.change]));
    // Else another client of the store is just seeing it to the end.
    return changes.length === rows.length ? { ...sending, changes } : undefined;
  }
  async function refusalWrite({ counter, rejected }: QueueEntry): Promise<StorageWrite> {
    const queued = await records.read(recordKeys.queued(counter));
    if (queued === undefined) throw new Error(`change ${counter} is in the queue and is not stored`);
    return put(recordKeys.queued(counter), { ...queued, ...(rejected === undefined ? {} : { rejected }) });
  }

  return { find, start, settle };
}

/** The counter of the newest queued change of each item. */
function newestCounters(entries: ReadonlyMap<number, QueueEntry>): Map<string, number> {
  const ascending = [...entries.values()].toSorted((a, b) => a.counter - b.counter);
  return new Map(ascending.map((entry) => [itemKey(entry), entry.counter]));
}
