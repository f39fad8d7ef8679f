/**
 * Whole vaults on their way between a file of this machine and a remote database. Both copies are read once more in the
 * end: what is not the same in every row is no copy.
 */
import { createHash } from 'node:crypto';
import type { SQLInputValue } from 'node:sqlite';
import { setImmediate } from 'node:timers/promises';
import { type OpenVault, openDatabase, type VaultDatabase } from '../database.ts';
import { removeDatabase } from '../files.ts';
import { migrateVault, type VaultMigration } from '../migrate.ts';
import { countdown } from './countdown.ts';
import { type Databases, explained } from './databases.ts';
import type { SqlStatement } from './hrana.ts';
import { pageQuery, readPage } from './pages.ts';
import { migrateRemote, setFrozen } from './schema.ts';
import type { TableShape } from './scratch.ts';
import { type Row, rowsIn, type Stream } from './stream.ts';

/** What two copies of a vault have in common when they are the same. */
export interface VaultDigest {
  readonly rows: number;
  /** Of every row of every table, in the order in which they were written. */
  readonly sha256: string;
}

export interface Copies {
  /** From here on nobody reads or writes the remote vault, on whatever node; until it is thawed. Brings it up to date. */
  freeze(name: string): Promise<void>;
  thaw(name: string): Promise<void>;
  /** Makes the remote vault what the file is, and thaws it. When this is cut off, the vault stays frozen, half made. */
  upload(name: string, file: string): Promise<VaultDigest>;
  /** Makes a file that is what the remote vault is now. */
  download(name: string, file: string): Promise<VaultDigest>;
}

interface CopyParts {
  readonly tables: readonly TableShape[];
  readonly migrations: readonly VaultMigration[];
  /** For each page. */
  readonly timeoutMs: number;
}

/** Answers the rows of one statement, as lists of columns. */
type Reader = (statement: SqlStatement) => Promise<readonly Row[]>;

export function createCopies(databases: Databases, { tables, migrations, timeoutMs }: CopyParts): Copies {
  const talk = <T>(name: string, act: (stream: Stream) => Promise<T>) =>
    explained(() => databases.converse(name, countdown(timeoutMs), act));

  /** Lends the vault as it is at one moment. */
  function lendSnapshot<T>(name: string, work: (read: Reader) => Promise<T>): Promise<T> {
    const act = async (stream: Stream) => {
      await stream.query([{ sql: 'BEGIN', args: [] }]);
      return work(async (statement) => rowsIn((await stream.query([statement]))[0]));
    };
    return explained(() => databases.converse(name, () => timeoutMs, act));
  }

  /** An empty vault of today, whatever was there, which nobody may use yet. */
  async function clear(stream: Stream): Promise<void> {
    await setFrozen(stream, true);
    await migrateRemote(stream, migrations, { create: true });
    await write(
      stream,
      tables.map(({ name }) => ({ sql: `DELETE FROM ${name}`, args: [] })),
    );
  }

  return {
    freeze: (name) =>
      talk(name, async (stream) => {
        await setFrozen(stream, true);
        await migrateRemote(stream, migrations, { create: false });
      }),
    thaw: (name) => talk(name, (stream) => setFrozen(stream, false)),

    async upload(name, file) {
      using source = openFile(file, { create: false });
      await explained(() => databases.provide(name, clear));
      const sent = await readAll(tables, fileReader(source.vault), (table, rows) =>
        talk(name, (stream) => write(stream, insertsOf(table, rows))),
      );
      const digest = requireSame(sent, await lendSnapshot(name, (read) => readAll(tables, read)));
      await talk(name, (stream) => setFrozen(stream, false));
      return digest;
    },

    async download(name, file) {
      removeDatabase(file);
      using target = openFile(file, { create: true });
      const { vault } = target;
      migrateVault(vault, migrations, { create: true });
      vault.transaction(() => {
        for (const table of tables) vault.statement(`DELETE FROM ${table.name}`).run();
      });
      const received = await lendSnapshot(name, (read) =>
        readAll(tables, read, async (table, rows) =>
          vault.transaction(() => {
            for (const { sql, args } of insertsOf(table, rows)) vault.statement(sql).run(...args);
          }),
        ),
      );
      return requireSame(received, await readAll(tables, fileReader(vault)));
    },
  };
}

function openFile(file: string, options: { create: boolean }): Disposable & { readonly vault: OpenVault } {
  const vault = openDatabase(file, options);
  return { vault, [Symbol.dispose]: () => vault.close() };
}

function fileReader(vault: VaultDatabase): Reader {
  return async ({ sql, args }) => {
    // Others want their turn between two pages.
    await setImmediate();
    return vault
      .statement<Record<string, SQLInputValue>>(sql)
      .all(...args)
      .map((row) => Object.values(row));
  };
}

async function write(stream: Stream, statements: readonly SqlStatement[]): Promise<void> {
  rowsIn((await stream.query([{ sql: 'BEGIN IMMEDIATE', args: [] }]))[0]);
  await stream.commit(statements);
}

function insertsOf({ name, columns }: TableShape, rows: readonly Row[]): SqlStatement[] {
  const sql = `INSERT INTO ${name} (${columns.join()}) VALUES (${columns.map(() => '?').join()})`;
  return rows.map((args) => ({ sql, args }));
}

/** Reads a vault page by page, hands each page on, and answers the digest of all. */
async function readAll(
  tables: readonly TableShape[],
  read: Reader,
  handOn: (table: TableShape, rows: readonly Row[]) => Promise<void> = async () => {},
): Promise<VaultDigest> {
  const hash = createHash('sha256');
  let count = 0;
  for (const table of tables) {
    hash.update(`${table.name}\n`);
    for (let after: number | undefined = 0; after !== undefined; ) {
      const page = readPage(await read(pageQuery(table, { table: table.name, where: '1', args: [] }, after)));
      for (const row of page.rows) hash.update(`${JSON.stringify(row, textOfValue)}\n`);
      count += page.rows.length;
      if (page.rows.length > 0) await handOn(table, page.rows);
      after = page.next;
    }
  }
  return { rows: count, sha256: hash.digest('hex') };
}

/** JSON knows neither large integers nor bytes. */
function textOfValue(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}

function requireSame(source: VaultDigest, copy: VaultDigest): VaultDigest {
  if (source.sha256 === copy.sha256 && source.rows === copy.rows) return copy;
  throw new Error(
    `the copy of a vault has ${copy.rows} rows and is not the same as its source of ${source.rows}`,
  );
}
