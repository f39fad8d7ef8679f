/** The store of clients in browsers: `@alcove/client/browser`. */
import { aborted } from '../backoff.ts';
import { AlcoveError } from '../errors.ts';
import type { WithLock } from '../locks.ts';
import { createLeases } from './leases.ts';
import type { Storage, StorageHandle, StorageWrite } from './storage.ts';

const layout = 1;
const table = 'record';

/**
 * A store in the browser's IndexedDB, written with strict durability. Every tab may have it open: together they are one
 * device with one session (Web Locks keep them apart; where a browser has none, leases in the store do).
 *
 * What it holds can be read by every script of the page's origin: private keys and plaintext deserve a strict
 * content security policy.
 *
 * @param name Name of the database within the page's origin.
 * @example
 * ```ts
 * import 'fake-indexeddb/auto'; // stands in for the browser's own here
 * import assert from 'node:assert/strict';
 * import { createClient } from '@alcove/client';
 * import { indexedDbStorage } from '@alcove/client/browser';
 *
 * await using client = await createClient({
 *   url: 'http://127.0.0.1:8080',
 *   storage: indexedDbStorage('journal'),
 *   device: { name: 'Firefox', platform: 'web' },
 * });
 * await client.register();
 * await client.vault.put({ kind: 'entry', value: 'from a browser' });
 * assert.equal((await client.vault.sync()).pushed, 1);
 * ```
 */
export function indexedDbStorage(name: string): Storage {
  return { open: async () => createHandle(await openDatabase(name), name) };
}

function openDatabase(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, layout);
  request.onupgradeneeded = () => request.result.createObjectStore(table);
  return settled(request);
}

function createHandle(database: IDBDatabase, name: string): StorageHandle {
  const records = (mode: IDBTransactionMode) =>
    guarded(() => database.transaction(table, mode, { durability: 'strict' }));
  return {
    read: (key) => settled<string | undefined>(records('readonly').objectStore(table).get(key)),
    scan: async (prefix, part) => {
      const store = records('readonly').objectStore(table);
      const range = IDBKeyRange.bound(part?.after ?? prefix, `${prefix}\uffff`, part !== undefined);
      const [keys, values] = await Promise.all([
        settled<IDBValidKey[]>(store.getAllKeys(range, part?.limit)),
        settled<string[]>(store.getAll(range, part?.limit)),
      ]);
      return keys.map((key, at): [string, string] => [String(key), values[at] ?? '']);
    },
    write: (batch) => applyAll(records('readwrite'), batch),
    writeIf: async ({ key, value }, batch) => {
      const transaction = records('readwrite');
      const found = await settled<string | undefined>(transaction.objectStore(table).get(key));
      // A transaction that nothing more is asked of ends by itself.
      if (found !== value) return false;
      await applyAll(transaction, batch);
      return true;
    },
    withLock: 'locks' in navigator ? withWebLock(name) : createLeases(() => leases(records('readwrite'))),
    close: async () => database.close(),
  };
}

function withWebLock(store: string): WithLock {
  return async (name, work, signal) => {
    let isHeld = false;
    try {
      return await navigator.locks.request(`alcove:${store}:${name}`, { signal }, () => {
        isHeld = true;
        return work();
      });
    } catch (error) {
      throw isHeld || !signal.aborted ? error : aborted(error);
    }
  };
}

/** Reads and changes one record in one transaction of the store. */
function leases(transaction: IDBTransaction) {
  const store = transaction.objectStore(table);
  return {
    read: (key: string) => settled<string | undefined>(store.get(key)),
    write: (batch: readonly StorageWrite[]) => applyAll(transaction, batch),
  };
}

function applyAll(transaction: IDBTransaction, batch: readonly StorageWrite[]): Promise<void> {
  try {
    enqueueAll(transaction.objectStore(table), batch);
  } catch (error) {
    // Without this the part that was enqueued already would commit by itself.
    transaction.abort();
    throw error;
  }
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(translate(transaction.error));
  });
}

function enqueueAll(store: IDBObjectStore, batch: readonly StorageWrite[]): void {
  for (const { key, value } of batch) {
    if (value === undefined) store.delete(key);
    else store.put(value, key);
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(translate(request.error));
  });
}

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw translate(error);
  }
}

function translate(cause: unknown): AlcoveError {
  const name = cause instanceof Error || cause instanceof DOMException ? cause.name : 'unknown';
  if (name === 'VersionError') {
    return new AlcoveError('storage.newer', 'The store was written by a newer Alcove SDK. Reload the app.', {
      cause,
    });
  }
  if (name === 'InvalidStateError')
    return new AlcoveError('storage.closed', 'This store was closed.', { cause });
  return new AlcoveError('storage.failed', `The browser's store could not be used (${name}).`, { cause });
}
