/**
 * The floor below storage: the same rows in the same batches straight into SQLite, on the same disk with the same
 * durability, by one thread that does nothing else. No server, no JSON to parse, no clocks to compare.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Batch } from '../workload.ts';

type Row = readonly (string | number)[];

export interface SqliteBatch {
  readonly vault: number;
  readonly rows: readonly Row[];
}

export interface SqliteFloor extends Disposable {
  /** Writes each batch in a transaction of its own. */
  write(batches: readonly SqliteBatch[]): void;
  /** Reads every vault page by page as JSON text; answers how many pages and rows there were. */
  readAll(rowsPerPage: number): { pages: number; rows: number };
}

interface Vault {
  readonly database: DatabaseSync;
  readonly begin: StatementSync;
  readonly insert: StatementSync;
  readonly commit: StatementSync;
  readonly page: StatementSync;
  head: number;
}

export function createSqliteFloor(folder: string, vaultCount: number): SqliteFloor {
  mkdirSync(folder, { recursive: true });
  const vaults = Array.from({ length: vaultCount }, (_, at) => openVault(join(folder, `${at}.db`)));
  return {
    write(batches) {
      for (const { vault, rows } of batches) writeBatch(vaultAt(vaults, vault), rows);
    },
    readAll(rowsPerPage) {
      const total = { pages: 0, rows: 0 };
      for (const vault of vaults) readVault(vault, rowsPerPage, total);
      return total;
    },
    [Symbol.dispose]() {
      for (const { database } of vaults) database.close();
    },
  };
}

/** Takes the rows out of the changes beforehand, because that is not SQLite's work. */
export function toSqliteBatch({ vault, deviceId, changes }: Batch): SqliteBatch {
  return {
    vault,
    rows: changes.map(({ id, kind, clock, time, epoch, payload = '' }) => [
      id,
      kind,
      JSON.stringify(clock),
      time,
      deviceId,
      epoch,
      payload,
    ]),
  };
}

function openVault(file: string): Vault {
  const database = new DatabaseSync(file);
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE item (
      seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, clock TEXT NOT NULL, time TEXT NOT NULL,
      device_id TEXT NOT NULL, epoch INTEGER NOT NULL, payload TEXT NOT NULL
    ) STRICT`);
  return {
    database,
    begin: database.prepare('BEGIN IMMEDIATE'),
    insert: database.prepare('INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?)'),
    commit: database.prepare('COMMIT'),
    page: database.prepare('SELECT * FROM item WHERE seq > ? ORDER BY seq LIMIT ?'),
    head: 0,
  };
}

function writeBatch(vault: Vault, rows: readonly Row[]): void {
  vault.begin.run();
  for (const row of rows) {
    vault.head += 1;
    vault.insert.run(vault.head, ...row);
  }
  vault.commit.run();
}

function readVault(vault: Vault, rowsPerPage: number, total: { pages: number; rows: number }): void {
  for (let seq = 0; seq < vault.head; ) {
    const rows = vault.page.all(seq, rowsPerPage);
    const page = Buffer.from(JSON.stringify({ changes: rows }));
    if (page.length === 0 || rows.length === 0) throw new Error('a page that should hold rows is empty');
    seq += rows.length;
    total.pages += 1;
    total.rows += rows.length;
  }
}

function vaultAt(vaults: readonly Vault[], at: number): Vault {
  const vault = vaults[at];
  if (vault === undefined) throw new RangeError(`there is no vault ${at}`);
  return vault;
}
