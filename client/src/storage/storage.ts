/** Where a client keeps its identity, its vault and its queue. */

/** One change of a record. `undefined` removes it. */
export interface StorageWrite {
  readonly key: string;
  readonly value: string | undefined;
}

/**
 * An open store: texts under keys. Keys are ASCII and sort by their code units.
 *
 * An own adapter must keep two promises, or edits can be lost: `write` happens whole or not at all, and when it
 * resolves the batch survives a crash.
 */
export interface StorageHandle {
  /** The text under a key, or `undefined`. */
  read(key: string): Promise<string | undefined>;
  /** All records whose key begins with `prefix`, in the order of their keys. */
  scan(prefix: string): Promise<[key: string, value: string][]>;
  /** Applies all writes, in order, in one durable transaction. */
  write(batch: readonly StorageWrite[]): Promise<void>;
  /**
   * Runs `work` while nobody else who has the store open runs under the same name, in this process or another. Whoever
   * dies lets go of it; `signal` ends the waiting. A store that lets in one client only can leave it out.
   */
  withLock?<T>(name: string, work: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** Releases the store. */
  close(): Promise<void>;
}

/**
 * A place for one account's data on one device. `createClient` opens it and `client.close()` closes it. Where the store
 * has `withLock`, several tabs or processes may have it open: they are one device with one session.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { createClient, memoryStorage, type Storage } from '@alcove/client';
 *
 * // A wrapper that counts what is written.
 * let written = 0;
 * const inner = memoryStorage();
 * const storage: Storage = {
 *   async open() {
 *     const handle = await inner.open();
 *     return {
 *       read: (key) => handle.read(key),
 *       scan: (prefix) => handle.scan(prefix),
 *       close: () => handle.close(),
 *       write: async (batch) => {
 *         written += batch.length;
 *         await handle.write(batch);
 *       },
 *     };
 *   },
 * };
 * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage });
 * await client.register();
 * assert(written > 0);
 * ```
 */
export interface Storage {
  /** Opens the store. Throws `AlcoveError` `storage.in_use`, `storage.newer` or `storage.failed`. */
  open(): Promise<StorageHandle>;
}
