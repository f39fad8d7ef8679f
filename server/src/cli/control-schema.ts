import { join } from 'node:path';
import { controlMigrations } from '../app.ts';
import { systemClock } from '../platform/clock/index.ts';
import { parseSettings, readEnvironment, type Settings } from '../platform/config/index.ts';
import {
  createDatabase,
  createMigrator,
  type MigrationPlan,
  type Migrator,
} from '../platform/database/index.ts';
import { lockDataFolder, prepareDataFolder, refuseLostControl } from '../platform/lock/index.ts';
import type { Given } from './command.ts';

/** Carries out `alcove migrate` and answers what to print. */
export async function changeSchema(given: Given): Promise<string> {
  const settings = parseSettings(readEnvironment(process.cwd(), process.env));
  await using _lock = lockIfEmbedded(settings);
  if (settings.database.kind === 'embedded') refuseLostControl(settings.dataDir);
  await using database = await createDatabase(databaseOptions(settings));
  return await perform(await createMigrator(database, controlMigrations), given);
}

/** On PostgreSQL other nodes may keep running meanwhile, and the migrator's own lock keeps two of them apart. */
function lockIfEmbedded({ database, dataDir }: Settings): AsyncDisposable | undefined {
  if (database.kind === 'postgres') return undefined;
  prepareDataFolder(dataDir);
  return lockDataFolder(dataDir, systemClock);
}

function databaseOptions({ database, dataDir }: Settings) {
  return {
    url: database.kind === 'postgres' ? database.url.reveal() : undefined,
    directory: join(dataDir, 'control'),
    onError: (error: unknown) => console.error(`The connection to PostgreSQL failed: ${String(error)}`),
  };
}

async function perform(migrator: Migrator, { operands: [action], values, switches }: Given): Promise<string> {
  if (action === 'status') return describeStatus(migrator);
  const dryRun = switches.has('dry-run');
  const options = { dryRun, ...(values.to === undefined ? {} : { to: values.to }) };
  return describePlan(await (action === 'up' ? migrator.up(options) : migrator.down(options)), dryRun);
}

async function describeStatus(migrator: Migrator): Promise<string> {
  const states = await migrator.status();
  return states
    .map(({ name, appliedAt }) => `${name}  ${appliedAt?.toISOString() ?? 'not applied'}`)
    .join('\n');
}

function describePlan({ direction, migrations }: MigrationPlan, dryRun: boolean): string {
  if (migrations.length === 0) return 'Nothing to do.';
  const statements = migrations.flatMap((migration) => migration[direction]).length;
  const names = migrations.map(({ name }) => `  ${name}`).join('\n');
  const head = `${count(migrations.length, 'migration')} ${direction}, ${count(statements, 'statement')}`;
  return dryRun ? `${head}, tried and taken back:\n${names}` : `${head}:\n${names}`;
}

function count(amount: number, thing: string): string {
  return `${amount} ${thing}${amount === 1 ? '' : 's'}`;
}
