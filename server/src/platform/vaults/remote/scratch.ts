/**
 * An empty vault in memory. An operation on a vault that lives elsewhere runs here, on the rows of its footprint, and what
 * it writes is noted down, to be done again where the vault is.
 */
import type { SQLInputValue } from 'node:sqlite';
import { type OpenVault, openScratchDatabase, type Statement, type VaultDatabase } from '../database.ts';
import { migrateVault, type VaultMigration } from '../migrate.ts';
import type { SqlStatement } from './hrana.ts';

export interface TableShape {
  readonly name: string;
  readonly columns: readonly string[];
  readonly hasRowid: boolean;
}

export interface LoadedRows {
  readonly table: TableShape;
  readonly rows: readonly (readonly SQLInputValue[])[];
}

/** How an operation ended, and what it had committed until then. */
export interface Ran {
  readonly ended:
    | { readonly kind: 'returned'; readonly output: unknown }
    | { readonly kind: 'threw'; readonly error: unknown };
  readonly writes: readonly SqlStatement[];
}

export interface Scratch {
  /** The tables of a vault of today. */
  readonly tables: readonly TableShape[];
  /** Runs `work` on a vault that holds these rows and nothing else. */
  run(loaded: readonly LoadedRows[], work: (vault: VaultDatabase) => unknown): Ran;
  close(): void;
}

export function createScratch(migrations: readonly VaultMigration[]): Scratch {
  const database = openScratchDatabase();
  migrateVault(database, migrations, { create: true });
  const tables = readTables(database);
  const clear = () => {
    for (const { name } of tables) database.statement(`DELETE FROM ${name}`).run();
  };

  return {
    tables,
    run(loaded, work) {
      database.transaction(() => {
        clear();
        for (const { table, rows } of loaded) insertRows(database, table, rows);
      });
      const recorder = createRecorder(database);
      return { ended: attempt(() => work(recorder.vault)), writes: recorder.writes };
    },
    close: () => database.close(),
  };
}

/** The schema's own table is not among them: what it says of a vault stays where the vault is. */
function readTables(database: OpenVault): TableShape[] {
  const tables = database.statement<{ name: string; wr: 0 | 1 }>(
    `SELECT name, wr FROM pragma_table_list
     WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'schema_version' ORDER BY name`,
  );
  const columns = database.statement<{ name: string }>('SELECT name FROM pragma_table_info(?) ORDER BY cid');
  return tables.all().map(({ name, wr }) => ({
    name,
    columns: columns.all(name).map((column) => column.name),
    hasRowid: wr === 0,
  }));
}

function insertRows(database: VaultDatabase, { name, columns }: TableShape, rows: LoadedRows['rows']): void {
  if (rows.length === 0) return;
  const insert = database.statement(
    `INSERT INTO ${name} (${columns.join()}) VALUES (${columns.map(() => '?').join()})`,
  );
  for (const row of rows) insert.run(...row);
}

function attempt(work: () => unknown): Ran['ended'] {
  try {
    return { kind: 'returned', output: work() };
  } catch (error) {
    return { kind: 'threw', error };
  }
}

/** Lends the database and notes what changes it. What a transaction takes back is forgotten. */
function createRecorder(database: OpenVault): { vault: VaultDatabase; writes: SqlStatement[] } {
  const writes: SqlStatement[] = [];

  function statement<Row>(sql: string): Statement<Row> {
    const prepared = database.statement<Row>(sql);
    if (!changesRows(sql)) return prepared;
    const noted = <T>(args: readonly SQLInputValue[], done: T): T => {
      writes.push({ sql, args });
      return done;
    };
    return {
      get: (...args) => noted(args, prepared.get(...args)),
      all: (...args) => noted(args, prepared.all(...args)),
      iterate: (...args) => noted(args, prepared.iterate(...args)),
      run: (...args) => noted(args, prepared.run(...args)),
    };
  }

  function transaction<T>(work: () => T): T {
    const before = writes.length;
    try {
      return database.transaction(work);
    } catch (error) {
      writes.length = before;
      throw error;
    }
  }

  return { vault: { statement, transaction }, writes };
}

function changesRows(sql: string): boolean {
  return !/^\s*(?:SELECT|WITH|VALUES)\b/i.test(sql);
}
