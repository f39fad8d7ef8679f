import { AlcoveError } from '../errors.ts';
import { createLocks, type WithLock } from '../locks.ts';
import type { Storage, StorageHandle, StorageWrite } from './storage.ts';

/**
 * A store that lives as long as the value does: for tests, and for programs that only pass through. Opening it again
 * finds everything still there.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { createClient, memoryStorage } from '@alcove/client';
 *
 * const storage = memoryStorage();
 * const url = 'http://127.0.0.1:8080';
 * const first = await createClient({ url, storage });
 * const { accountId } = await first.register();
 * await first.close();
 *
 * await using second = await createClient({ url, storage });
 * assert.equal(second.identity?.accountId, accountId);
 * ```
 */
export function memoryStorage(): Storage {
  const records = new Map<string, string>();
  const withLock = createLocks();
  return { open: async () => openRecords(records, withLock) };
}

function openRecords(records: Map<string, string>, withLock: WithLock): StorageHandle {
  let closed = false;
  const requireOpen = () => {
    if (closed) throw new AlcoveError('storage.closed', 'This store was closed.');
  };
  return {
    withLock,
    async read(key) {
      requireOpen();
      return records.get(key);
    },
    async scan(prefix, { after, limit } = { after: '', limit: records.size }) {
      requireOpen();
      const found = [...records].filter(([key]) => key.startsWith(prefix) && key > after);
      return found.sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, limit);
    },
    async write(batch) {
      requireOpen();
      // Read the whole batch before the first change, so that one that cannot be read changes nothing.
      const read = batch.map(({ key, value }) => ({ key, value }));
      for (const change of read) apply(records, change);
    },
    async writeIf({ key, value }, batch) {
      requireOpen();
      if (records.get(key) !== value) return false;
      for (const change of batch) apply(records, change);
      return true;
    },
    async close() {
      closed = true;
    },
  };
}

function apply(records: Map<string, string>, { key, value }: StorageWrite): void {
  if (value === undefined) records.delete(key);
  else records.set(key, value);
}
