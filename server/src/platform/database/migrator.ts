import { readdir } from 'node:fs/promises';
import { sql } from 'kysely';
import type { Database, Transaction } from './database.ts';

/** One numbered file: statements that lead to the next schema, and those that lead back. */
export interface Migration {
  readonly name: string;
  readonly up: readonly string[];
  readonly down: readonly string[];
}

export interface MigrationState {
  readonly name: string;
  readonly appliedAt: Date | undefined;
}

export interface MigrationPlan {
  readonly direction: 'up' | 'down';
  readonly migrations: readonly Migration[];
}

export interface Migrator {
  status(): Promise<MigrationState[]>;
  /** Applies what is missing, up to and with `to`. Answers what it did; `dryRun` tries it and takes it back. */
  up(options?: { to?: string; dryRun?: boolean }): Promise<MigrationPlan>;
  /** Takes back the newest migration, or all that are newer than `to`. */
  down(options?: { to?: string; dryRun?: boolean }): Promise<MigrationPlan>;
}

class DryRun extends Error {}

/** Any number that no other program on the same PostgreSQL is likely to lock. */
const lockId = 4_162_020_261;

export async function createMigrator(database: Database, directory: URL): Promise<Migrator> {
  const migrations = await readMigrations(directory);

  async function run(direction: 'up' | 'down', options: { to?: string; dryRun?: boolean }) {
    if (options.to !== undefined && !migrations.some(({ name }) => name === options.to)) {
      throw new Error(`There is no migration named ${options.to}. Known: ${names(migrations)}.`);
    }
    let plan: MigrationPlan = { direction, migrations: [] };
    try {
      await database.asOwner(async (tx) => {
        const applied = await lockAndRead(tx);
        refuseNewer(applied, migrations);
        plan = { direction, migrations: choose(direction, migrations, applied, options.to) };
        for (const migration of plan.migrations) await apply(tx, direction, migration);
        if (options.dryRun === true) throw new DryRun();
      });
    } catch (error) {
      if (!(error instanceof DryRun)) throw error;
    }
    return plan;
  }

  return {
    up: (options = {}) => run('up', options),
    down: (options = {}) => run('down', options),
    async status() {
      const applied = await database.asOwner(lockAndRead);
      return migrations.map(({ name }) => ({ name, appliedAt: applied.get(name) }));
    },
  };
}

async function readMigrations(directory: URL): Promise<Migration[]> {
  const files = (await readdir(directory)).filter((file) => /^\d{4}_\w+\.ts$/.test(file)).sort();
  return Promise.all(
    files.map(async (file) => {
      const { up, down } = await import(new URL(file, directory).href);
      return { name: file.replace(/\.ts$/, ''), up, down };
    }),
  );
}

/** Two nodes that start together take turns: the second finds the work done. */
async function lockAndRead(tx: Transaction): Promise<Map<string, Date>> {
  await sql`select pg_advisory_xact_lock(${sql.lit(lockId)}::bigint)`.execute(tx);
  await sql`create table if not exists schema_migration (
    name text primary key, applied_at timestamptz not null default now())`.execute(tx);
  const { rows } = await sql<{
    name: string;
    applied_at: Date;
  }>`select name, applied_at from schema_migration`.execute(tx);
  return new Map(rows.map((row) => [row.name, row.applied_at]));
}

function refuseNewer(applied: ReadonlyMap<string, Date>, migrations: readonly Migration[]): void {
  const unknown = [...applied.keys()].filter((name) => !migrations.some((known) => known.name === name));
  if (unknown.length > 0) {
    throw new Error(
      `The control database was written by a newer Alcove (it has ${unknown.join(', ')}). Start that version, or restore a backup from before the upgrade.`,
    );
  }
}

function choose(
  direction: 'up' | 'down',
  migrations: readonly Migration[],
  applied: ReadonlyMap<string, Date>,
  to: string | undefined,
): Migration[] {
  if (direction === 'up') {
    return migrations.filter(({ name }) => !applied.has(name) && (to === undefined || name <= to));
  }
  const newestFirst = migrations.filter(({ name }) => applied.has(name)).reverse();
  return to === undefined ? newestFirst.slice(0, 1) : newestFirst.filter(({ name }) => name > to);
}

async function apply(tx: Transaction, direction: 'up' | 'down', migration: Migration): Promise<void> {
  for (const statement of migration[direction]) await sql.raw(statement).execute(tx);
  if (direction === 'up')
    await sql`insert into schema_migration (name) values (${migration.name})`.execute(tx);
  else await sql`delete from schema_migration where name = ${migration.name}`.execute(tx);
}

const names = (migrations: readonly Migration[]) => migrations.map(({ name }) => name).join(', ');
