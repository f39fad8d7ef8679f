/**
 * Vaults on another machine. An operation runs here, on the rows it can read, and what it wrote is done again there, all
 * within one transaction of the remote database. So there is one rule and one program, wherever a vault lies, and two
 * journeys for a push.
 */
import type { VaultDatabase } from '../database.ts';
import { vaultOnItsWay } from '../errors.ts';
import { newestVersion, type VaultMigration } from '../migrate.ts';
import { type Copies, createCopies } from './copies.ts';
import { countdown } from './countdown.ts';
import { createDatabases, explained, type RemoteVaultsOptions } from './databases.ts';
import type { Footprint } from './footprint.ts';
import { pageQuery, readPage } from './pages.ts';
import { isUnavailable, RemoteSqlError, tooMuch, unavailable } from './remote-errors.ts';
import { createReplicas, type ReplicaOptions, type Replicas } from './replicas/replicas.ts';
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
  /** Closes the replicas that nobody has read for long. */
  closeIdle(): void;
  /** Waits for what has begun. */
  close(): Promise<void>;
}

export interface RemoteVaultsParts {
  readonly migrations: readonly VaultMigration[];
  /** The other machine did what was asked of it. */
  readonly onServed: () => void;
  /** It could not be reached, or did not answer as it should. */
  readonly onFailed: () => void;
  /** Undefined: every read asks the other machine. */
  readonly replicas: ReplicaOptions | undefined;
  readonly onReplicaOpen: () => void;
  readonly onReplicaClose: () => void;
}

/** What an operation may bring here: the memory of the service is everybody's. */
const loadedBytesMax = 64 * 1024 * 1024;
/** So long is asked where a replica can answer if need be. */
const askMs = 1000;

export function createRemoteVaults(options: RemoteVaultsOptions, parts: RemoteVaultsParts): RemoteVaults {
  const { migrations, onServed, onFailed } = parts;
  const newest = newestVersion(migrations);
  const databases = createDatabases(options, {
    migrations,
    onSeen: (name, seen) => replicas?.noteSeen(name, seen),
  });
  const replicas =
    parts.replicas &&
    createReplicas(parts.replicas, { ...parts, version: newest, openLog: databases.openLog });
  const scratch = createScratch(migrations);
  const turns = createTurns({
    concurrencyMax: options.concurrencyMax,
    waitMsMax: options.timeoutMs,
    tooLate: () => unavailable(new Error('the vault did not become free in time')),
  });

  async function work(
    name: string,
    { footprint, run }: RemoteWork,
    withinMs = options.timeoutMs,
  ): Promise<unknown> {
    const remainingMs = countdown(withinMs);
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

  async function readNearby(nearby: Replicas, name: string, remoteWork: RemoteWork): Promise<unknown> {
    const near = await nearby.read(name, remoteWork.run);
    if (near !== undefined) return near.output;
    try {
      const withinMs = nearby.canLag(name) ? Math.min(askMs, options.timeoutMs) : options.timeoutMs;
      return await watched(() => work(name, remoteWork, withinMs));
    } catch (error) {
      const lagging = isUnavailable(error) ? nearby.readLagging(name, remoteWork.run) : undefined;
      if (lagging === undefined) throw error;
      return lagging.output;
    }
  }

  async function watched<T>(act: () => Promise<T>): Promise<T> {
    try {
      const output = await explained(act);
      onServed();
      return output;
    } catch (error) {
      if (isUnavailable(error)) onFailed();
      throw error;
    }
  }

  function getTable(name: string): TableShape {
    const table = scratch.tables.find((one) => one.name === name);
    if (table === undefined) throw new Error(`a vault has no table ${name}`);
    return table;
  }

  return {
    ...createCopies(databases, { tables: scratch.tables, migrations, timeoutMs: options.timeoutMs }),
    use: (name, remoteWork, { create }) =>
      explained(() =>
        turns.take(name, async () => {
          if (replicas !== undefined && remoteWork.footprint.mayLag === true)
            return readNearby(replicas, name, remoteWork);
          return watched(async () => {
            if (create) await databases.provide(name);
            return work(name, remoteWork);
          });
        }),
      ),
    remove: (name) =>
      explained(() =>
        turns.take(name, async () => {
          replicas?.drop(name);
          await databases.remove(name);
        }),
      ),
    closeIdle: () => replicas?.closeIdle(),
    async close() {
      await turns.idle();
      replicas?.closeAll();
      databases.close();
      scratch.close();
    },
  };
}
