/** Where a client keeps its identity, its vault and its queue. */

/** One change of a record. `undefined` removes it. */
export interface StorageWrite {
  readonly key: string;
  readonly value: string | undefined;
}

/** A part of a scan: of the records after this key, so many at most. It begins with the prefix, or is the prefix. */
export interface ScanPart {
  readonly after: string;
  readonly limit: number;
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
  /**
   * All records whose key begins with `prefix`, in the order of their keys, or a part of them. A store that gives all of
   * them where a part was asked for only takes more memory.
   */
  scan(prefix: string, part?: ScanPart): Promise<[key: string, value: string][]>;
  /** Applies all writes, in order, in one durable transaction. */
  write(batch: readonly StorageWrite[]): Promise<void>;
  /**
   * The same, but only if the record under `condition.key` still is `condition.value`, looked at in the very transaction.
   * Says whether it was. A lock can run out, for a tab that was suspended; this is what keeps two from writing over each
   * other then. A store that lets in one client only can leave it out.
   */
  writeIf?(condition: StorageWrite, batch: readonly StorageWrite[]): Promise<boolean>;
  /**
   * Runs `work` while nobody else who has the store open runs under the same name, in this process or another. Whoever
   * dies lets go of it; `signal` ends the waiting. A store that lets in one client only can leave it out.
   */
  withLock?<T>(name: string, work: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /**
   * Carries short texts to and from other programs that have the store open. They are hints and may get lost. A store that
   * no other program can reach leaves it out.
   */
  joinNews?(onText: (text: string) => void): News;
  /** Releases the store. */
  close(): Promise<void>;
}

/** A way to those who have the store open in other programs. */
export interface News {
  post(text: string): void;
  /** Whether anybody here wants to hear of others; what came before that is not told. */
  listen(isListening: boolean): void;
  close(): void;
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
 *       scan: (prefix, part) => handle.scan(prefix, part),
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
