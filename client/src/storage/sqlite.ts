/** The store of clients in Node: `@alcove/client/node`. */
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AlcoveError } from '../errors.ts';
import type { Storage, StorageHandle, StorageWrite } from './storage.ts';

const layout = 1;
const sqliteBusy = 5;

/**
 * A store in one SQLite file, durable over power cuts (WAL, synchronous=FULL) and readable by its owner only (0600):
 * it holds private keys and plaintext. While a client has it open no other can, in this process or another.
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
  return {
    async open() {
      return withErrors(file, () => openHandle(file));
    },
  };
}

function openHandle(file: string): StorageHandle {
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

/** SQLite gives its side files the mode of the main one, so making that one private first covers all. */
function makePrivateFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  closeSync(openSync(file, 'a', 0o600));
  chmodSync(file, 0o600);
}

function prepare(database: DatabaseSync, file: string): void {
  // Exclusive mode takes the file's lock with the first write below and keeps it until the handle closes.
  database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  database.exec('BEGIN IMMEDIATE');
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
  if (version > layout) {
    throw new AlcoveError('storage.newer', `${file} was written by a newer Alcove SDK. Update this program.`);
  }
  database.exec(
    'CREATE TABLE IF NOT EXISTS record (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID',
  );
  database.exec(`PRAGMA user_version = ${layout}; COMMIT`);
}

function createHandle(database: DatabaseSync, file: string): StorageHandle {
  const read = database.prepare('SELECT value FROM record WHERE key = ?');
  const scan = database.prepare('SELECT key, value FROM record WHERE key >= ? AND key < ? ORDER BY key');
  const put = database.prepare('INSERT OR REPLACE INTO record (key, value) VALUES (?, ?)');
  const remove = database.prepare('DELETE FROM record WHERE key = ?');

  const apply = ({ key, value }: StorageWrite) =>
    value === undefined ? remove.run(key) : put.run(key, value);
  const writeAll = (batch: readonly StorageWrite[]) => {
    database.exec('BEGIN IMMEDIATE');
    try {
      for (const change of batch) apply(change);
      database.exec('COMMIT');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  };
  return {
    read: async (key) => withErrors(file, () => textOf(read.get(key)?.value)),
    scan: async (prefix) =>
      withErrors(file, () =>
        scan
          .all(prefix, `${prefix}\u{10ffff}`)
          .map((row): [string, string] => [textOf(row.key) ?? '', textOf(row.value) ?? '']),
      ),
    write: async (batch) => withErrors(file, () => writeAll(batch)),
    close: async () => {
      if (database.isOpen) database.close();
    },
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function withErrors<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof AlcoveError ? error : translate(file, error);
  }
}

function translate(file: string, error: unknown): AlcoveError {
  if (error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy) {
    return new AlcoveError('storage.in_use', `Another client has ${file} open. Close it first.`, {
      cause: error,
    });
  }
  if (error instanceof Error && /not open|finalized/.test(error.message)) {
    return new AlcoveError('storage.closed', `${file} was closed.`, { cause: error });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new AlcoveError('storage.failed', `${file} could not be used: ${reason}.`, { cause: error });
}
