/** One open vault: SQLite through `node:sqlite`, with each statement prepared once. */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { pathToFileURL } from 'node:url';

/** A prepared statement; `Row` is what its columns are. */
export interface Statement<Row> {
  get(...values: SQLInputValue[]): Row | undefined;
  all(...values: SQLInputValue[]): Row[];
  iterate(...values: SQLInputValue[]): IterableIterator<Row>;
  run(...values: SQLInputValue[]): { readonly changes: number | bigint };
}

/** What a program sees of a vault. */
export interface VaultDatabase {
  /** The same text gives the same prepared statement for as long as the vault is open. */
  statement<Row = unknown>(sql: string): Statement<Row>;
  /**
   * Takes the write lock first, so that what `work` reads is what it changes. Any throw takes all of it back. Statements that
   * were taken before belong to the past: `work` takes its own.
   */
  transaction<T>(work: () => T): T;
}

export interface OpenVault extends VaultDatabase {
  execute(sql: string): void;
  /** Opens anew what is open only to be read; statements that were taken before belong to the past. */
  becomeWritable(): void;
  /** Writes the vault as it is now, without what was deleted, into a file that is empty or not there. */
  copyInto(file: string): void;
  /** What is wrong with the file's structure, as SQLite says it; undefined when nothing is. */
  findDamage(): string | undefined;
  /** Folds the write-ahead log into the file, so that no `-wal` file remains. */
  close(): void;
}

/** The page cache is small, because hundreds of vaults are open at once. */
const pragmasToRead = `
  PRAGMA temp_store = MEMORY;
  PRAGMA cache_size = -1024;
  PRAGMA trusted_schema = OFF;`;

/**
 * WAL with synchronous=FULL: a committed push survives a power cut, at one fsync per transaction. Deleted content is
 * overwritten.
 */
const pragmas = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA secure_delete = ON;
  ${pragmasToRead}`;

/** Only a shell or a copy of this very vault may hold the file besides us, and never for long. */
const busyTimeoutMs = 250;

/**
 * SQLite's name for files that one process has to itself. What several processes would share of the log, in a file of its
 * own that is made at each opening, lies in memory then, and locks cost no calls of the system. Windows has no such name.
 */
const vfs = process.platform === 'win32' ? undefined : 'unix-excl';

export function openDatabase(file: string, options: { create: boolean }): OpenVault {
  return wrap(connect(file, options));
}

/**
 * Opens a vault that lies closed, with nothing in a log, as it lies: no file is made beside it, none is locked, and nothing
 * has to be folded in at the end. The first transaction opens it anew.
 */
export function openAsItLies(file: string): OpenVault {
  return wrap(connectUnchanged(file), () => connect(file, { create: false }));
}

function connect(file: string, options: { create: boolean }): DatabaseSync {
  const database = new DatabaseSync(vaultUrl(file, options.create ? 'rwc' : 'rw'), {
    timeout: busyTimeoutMs,
    enableForeignKeyConstraints: true,
  });
  return setUp(database, pragmas);
}

/** Nobody writes to the file meanwhile, and nothing stays beside it. */
function connectUnchanged(file: string): DatabaseSync {
  const url = pathToFileURL(file);
  url.searchParams.set('immutable', '1');
  return connectToRead(url);
}

function connectToRead(file: string | URL): DatabaseSync {
  return setUp(new DatabaseSync(file, { readOnly: true }), pragmasToRead);
}

/** It may be no database at all, which shows only here. */
function setUp(database: DatabaseSync, sql: string): DatabaseSync {
  try {
    database.exec(sql);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** A database in memory that holds parts of others: what a row refers to may not be there. */
export function openScratchDatabase(): OpenVault {
  return wrap(new DatabaseSync(':memory:', { enableForeignKeyConstraints: false }));
}

/** A file that is written between two reads, by other means than SQLite's. What would write to it is refused. */
export function openReplicaDatabase(file: string): VaultDatabase & { close(): void } {
  const database = connectToRead(file);
  return {
    statement: wrap(database).statement,
    transaction() {
      throw new Error('a replica is read only');
    },
    close: () => database.close(),
  };
}

/** `rw` keeps SQLite from making an empty database where a file is missing. */
export function vaultUrl(file: string, mode: 'rw' | 'rwc'): URL {
  const url = pathToFileURL(file);
  url.searchParams.set('mode', mode);
  if (vfs !== undefined) url.searchParams.set('vfs', vfs);
  return url;
}

/** `openToWrite` is there where the vault is open only to be read. */
function wrap(opened: DatabaseSync, openToWrite?: () => DatabaseSync): OpenVault {
  const statements = new Map<string, Statement<unknown>>();
  let database = opened;
  let reopen = openToWrite;

  function becomeWritable(): void {
    if (reopen === undefined) return;
    statements.clear();
    database.close();
    database = reopen();
    reopen = undefined;
  }

  function statement<Row>(sql: string): Statement<Row> {
    let prepared = statements.get(sql);
    if (prepared === undefined) {
      prepared = database.prepare(sql);
      statements.set(sql, prepared);
    }
    // The columns of a row are known to the author of the statement alone.
    return prepared as Statement<Row>;
  }

  return {
    statement,
    execute: (sql) => database.exec(sql),
    becomeWritable,
    copyInto: (file) => void database.prepare('VACUUM INTO ?').run(file),
    findDamage: () => findDamage(database),
    transaction(work) {
      becomeWritable();
      return inTransaction(database, statement, work);
    },
    close() {
      try {
        // SQLite would do it, but not where the file was exchanged behind its back: then the log stays, and the next open
        // takes it for the other file's.
        if (reopen === undefined) database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      } finally {
        statements.clear();
        database.close();
      }
    },
  };
}

export function findDamageIn(file: string): string | undefined {
  const database = connectUnchanged(file);
  try {
    return findDamage(database);
  } finally {
    database.close();
  }
}

function findDamage(database: DatabaseSync): string | undefined {
  const found = String(database.prepare('PRAGMA integrity_check(1)').get()?.integrity_check);
  return found === 'ok' ? undefined : found;
}

function inTransaction<T>(database: DatabaseSync, statement: VaultDatabase['statement'], work: () => T): T {
  statement('BEGIN IMMEDIATE').run();
  try {
    const result = work();
    statement('COMMIT').run();
    return result;
  } catch (error) {
    // A full disk and some read errors end the transaction by themselves.
    if (database.isTransaction) statement('ROLLBACK').run();
    throw error;
  }
}
