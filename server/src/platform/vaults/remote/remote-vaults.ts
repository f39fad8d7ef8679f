/**
 * Vaults on another machine. An operation runs here, on the rows it can read, and what it wrote is done again there, all
 * within one transaction of the remote database. So there is one rule and one program, wherever a vault lies, and two
 * journeys for a push.
 */
import type { VaultDatabase } from '../database.ts';
import { vaultOnItsWay } from '../errors.ts';
import { newestVersion, type VaultMigration } from '../migrate.ts';
import { type Copies, createCopies } from './copies.ts';
import { countdown, createDatabases, explained, type RemoteVaultsOptions } from './databases.ts';
import type { Footprint } from './footprint.ts';
import { pageQuery, readPage } from './pages.ts';
import { RemoteSqlError, tooMuch, unavailable } from './remote-errors.ts';
import { migrateRemote, readState, stateQuery } from './schema.ts';
import { createScratch, type LoadedRows, type TableShape } from './scratch.ts';
import type { Row, Stream } from './stream.ts';
import { createTurns } from './turns.ts';

/** An operation of a program and what it can read. */
export interface RemoteWork {
  readonly footprint: Footprint;
  run(vault: VaultDatabase): unknown;
}

export interface RemoteVaults extends Copies {
  /** `create` makes the database where there is none. */
  use(name: string, work: RemoteWork, options: { create: boolean }): Promise<unknown>;
  remove(name: string): Promise<void>;
  /** Waits for what has begun. */
  close(): Promise<void>;
}

/** What an operation may bring here: the memory of the service is everybody's. */
const loadedBytesMax = 64 * 1024 * 1024;

export function createRemoteVaults(
  options: RemoteVaultsOptions,
  migrations: readonly VaultMigration[],
): RemoteVaults {
  const databases = createDatabases(options, migrations);
  const scratch = createScratch(migrations);
  const newest = newestVersion(migrations);
  const turns = createTurns({
    concurrencyMax: options.concurrencyMax,
    waitMsMax: options.timeoutMs,
    tooLate: () => unavailable(new Error('the vault did not become free in time')),
  });

  async function work(name: string, { footprint, run }: RemoteWork): Promise<unknown> {
    const remainingMs = countdown(options.timeoutMs);
    const attempt = () => databases.converse(name, remainingMs, (stream) => workOn(stream, footprint, run));
    const first = await attempt();
    if (first !== 'outdated') return first.output;
    await databases.converse(name, remainingMs, (stream) =>
      migrateRemote(stream, migrations, { create: false }),
    );
    const second = await attempt();
    if (second === 'outdated') throw new Error('a vault is of the newest version once it is migrated');
    return second.output;
  }

  async function workOn(
    stream: Stream,
    footprint: Footprint,
    run: RemoteWork['run'],
  ): Promise<{ output: unknown } | 'outdated'> {
    const loaded = await load(stream, footprint);
    if (loaded === 'outdated') return loaded;
    const { ended, writes } = scratch.run(loaded, run);
    if (writes.length > 0 && !footprint.writes)
      throw new Error('an operation wrote that was said to read only');
    if (writes.length > 0) await stream.commit(writes);
    if (ended.kind === 'threw') throw ended.error;
    return { output: ended.output };
  }

  /** Begins the transaction and brings the rows of the footprint, nearly always at once. */
  async function load(stream: Stream, footprint: Footprint): Promise<readonly LoadedRows[] | 'outdated'> {
    const loads = footprint.reads.map((read) => ({ read, table: getTable(read.table), rows: [] as Row[] }));
    const begin = { sql: footprint.writes ? 'BEGIN IMMEDIATE' : 'BEGIN', args: [] };
    const [begun, state, ...answers] = await stream.query([
      begin,
      stateQuery,
      ...loads.map(({ read, table }) => pageQuery(table, read, 0)),
    ]);
    if (begun instanceof RemoteSqlError) throw begun;
    const { version, isFrozen } = readState(state);
    if (isFrozen) throw vaultOnItsWay();
    if (version !== newest) return 'outdated';
    let room = loadedBytesMax;
    for (const [at, { table, read, rows }] of loads.entries()) {
      let page = readPage(answers[at]);
      rows.push(...page.rows);
      while (page.next !== undefined) {
        room -= page.bytes;
        if (room < 0) throw tooMuch(new Error(`a footprint of more than ${loadedBytesMax} bytes`));
        const [answer] = await stream.query([pageQuery(table, read, page.next)]);
        page = readPage(answer);
        rows.push(...page.rows);
      }
    }
    return loads;
  }

  function getTable(name: string): TableShape {
    const table = scratch.tables.find((one) => one.name === name);
    if (table === undefined) throw new Error(`a vault has no table ${name}`);
    return table;
  }

  return {
    ...createCopies(databases, { tables: scratch.tables, migrations, timeoutMs: options.timeoutMs }),
    use(name, remoteWork, { create }) {
      return explained(() =>
        turns.take(name, async () => {
          if (create) await databases.provide(name);
          return work(name, remoteWork);
        }),
      );
    },
    remove: (name) => explained(() => turns.take(name, () => databases.remove(name))),
    async close() {
      await turns.idle();
      databases.close();
      scratch.close();
    },
  };
}
