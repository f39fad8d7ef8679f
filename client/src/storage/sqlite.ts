/** The store of clients in Node: `@alcove/client/node`. */
import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { AlcoveError } from '../errors.ts';
import { createMutex } from '../mutex.ts';
import { createLockFiles } from './lock-file.ts';
import { openNewsFile } from './news-file.ts';
import { makePrivateFile } from './private-file.ts';
import { isBusy, sqliteToAlcoveError } from './sqlite-errors.ts';
import type { Storage, StorageHandle, StorageWrite } from './storage.ts';

const layout = 1;
/** How long a write waits for those of other processes, which take milliseconds. */
const busyMsMax = 5000;
const retryMs = 5;

/**
 * A store in one SQLite file, durable over power cuts (WAL, synchronous=FULL) and readable by its owner only (0600):
 * it holds private keys and plaintext. Several processes may have it open: they are one device. Not for network folders.
 *
 * @param path File to use. It and its folder are made when missing.
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { mkdtemp } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { createClient } from '@alcove/client';
 * import { sqliteStorage } from '@alcove/client/node';
 *
 * const path = join(await mkdtemp(join(tmpdir(), 'journal-')), 'journal.db');
 * const url = 'http://127.0.0.1:8080';
 * const laptop = await createClient({ url, storage: sqliteStorage(path) });
 * await laptop.register();
 * const { id } = await laptop.vault.put({ kind: 'entry', value: { text: 'Up betimes.' } });
 * await laptop.close(); // not synced yet, and kept
 *
 * await using again = await createClient({ url, storage: sqliteStorage(path) });
 * assert.deepEqual((await again.vault.get('entry', id))?.value, { text: 'Up betimes.' });
 * assert.equal((await again.vault.sync()).pushed, 1);
 * ```
 */
export function sqliteStorage(path: string): Storage {
  const file = resolve(path);
  return { open: () => untilFree(file, () => openHandle(file)) };
}

function openHandle(file: string): StorageHandle {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  makePrivateFile(file);
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    prepare(database, file);
  } catch (error) {
    database.close();
    throw error;
  }
  return createHandle(database, file);
}

function prepare(database: DatabaseSync, file: string): void {
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  inTransaction(database, () => {
    const version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
    if (version > layout) {
      const message = `${file} was written by a newer Alcove SDK. Update this program.`;
      throw new AlcoveError('storage.newer', message);
    }
    database.exec(
      'CREATE TABLE IF NOT EXISTS record (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID',
    );
    database.exec(`PRAGMA user_version = ${layout}`);
  });
}

function createHandle(database: DatabaseSync, file: string): StorageHandle {
  const locks = createLockFiles(file);
  /** A write that waits for another process is not overtaken by the next one. */
  const inOrder = createMutex();
  const read = database.prepare('SELECT value FROM record WHERE key = ?');
  const scan = database.prepare('SELECT key, value FROM record WHERE key >= ? AND key < ? ORDER BY key');
  const scanPart = database.prepare(
    'SELECT key, value FROM record WHERE key > ? AND key < ? ORDER BY key LIMIT ?',
  );
  const put = database.prepare('INSERT OR REPLACE INTO record (key, value) VALUES (?, ?)');
  const remove = database.prepare('DELETE FROM record WHERE key = ?');

  const apply = ({ key, value }: StorageWrite) =>
    value === undefined ? remove.run(key) : put.run(key, value);
  return {
    read: (key) => untilFree(file, () => textOf(read.get(key)?.value)),
    scan: (prefix, part) =>
      untilFree(file, () => {
        const end = `${prefix}\u{10ffff}`;
        const rows = part === undefined ? scan.all(prefix, end) : scanPart.all(part.after, end, part.limit);
        return rows.map((row): [string, string] => [textOf(row.key) ?? '', textOf(row.value) ?? '']);
      }),
    write: (batch) =>
      inOrder(() => untilFree(file, () => inTransaction(database, () => batch.forEach(apply)))),
    writeIf: (condition, batch) =>
      inOrder(() =>
        untilFree(file, () =>
          inTransaction(database, () => {
            const isMet = textOf(read.get(condition.key)?.value) === condition.value;
            if (isMet) batch.forEach(apply);
            return isMet;
          }),
        ),
      ),
    withLock: locks.withLock,
    joinNews: (onText) => openNewsFile(file, onText),
    close: async () => {
      if (!database.isOpen) return;
      locks.close();
      database.close();
    },
  };
}

function inTransaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** Runs work again while another process writes. Waiting inside SQLite would stop this whole one. */
async function untilFree<T>(file: string, work: () => T): Promise<T> {
  const giveUpAt = performance.now() + busyMsMax;
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || performance.now() > giveUpAt) throw sqliteToAlcoveError(file, error);
    }
    await sleep(retryMs);
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
