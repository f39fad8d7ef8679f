/**
 * Vaults on another machine. An operation runs here, on the rows it can read, and what it wrote is done again there, all
 * within one transaction of the remote database. So there is one rule and one program, wherever a vault lies, and two
 * journeys for a push.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { VaultDatabase } from '../database.ts';
import { vaultMissing } from '../errors.ts';
import { newestVersion, type VaultMigration } from '../migrate.ts';
import type { Footprint } from './footprint.ts';
import { createDatabaseHost, type DatabaseHostOptions } from './hosts.ts';
import { createHttpConnections } from './http.ts';
import { type Page, pageQuery, readPage } from './pages.ts';
import {
  DatabaseAbsent,
  DatabaseForbidden,
  explainRemote,
  RemoteSqlError,
  tooMuch,
  unavailable,
} from './remote-errors.ts';
import { migrateRemote, readState, stateQuery } from './schema.ts';
import { createScratch, type LoadedRows, type TableShape } from './scratch.ts';
import { openStream, type Row, type Stream } from './stream.ts';
import { createTurns } from './turns.ts';

export interface RemoteVaultsOptions {
  readonly host: DatabaseHostOptions;
  /** What a call may take, and what it may wait for its turn before. */
  readonly timeoutMs: number;
  /** How many vaults are worked on at once. */
  readonly concurrencyMax: number;
}

/** An operation of a program and what it can read. */
export interface RemoteWork {
  readonly footprint: Footprint;
  run(vault: VaultDatabase): unknown;
}

export interface RemoteVaults {
  /** `create` makes the database where there is none. */
  use(name: string, work: RemoteWork, options: { create: boolean }): Promise<unknown>;
  remove(name: string): Promise<void>;
  /** Waits for what has begun. */
  close(): Promise<void>;
}

/** A database that was just made answers only after some seconds. */
const createWithinMs = 30_000;
const createPauseMs = 300;
/** What an operation may bring here: the memory of the service is everybody's. */
const loadedBytesMax = 64 * 1024 * 1024;

export function createRemoteVaults(
  options: RemoteVaultsOptions,
  migrations: readonly VaultMigration[],
): RemoteVaults {
  const connections = createHttpConnections();
  const host = createDatabaseHost(options.host, connections);
  const scratch = createScratch(migrations);
  const newest = newestVersion(migrations);
  const turns = createTurns({
    concurrencyMax: options.concurrencyMax,
    waitMsMax: options.timeoutMs,
    tooLate: () => unavailable(new Error('the vault did not become free in time')),
  });

  /** Opens a conversation, once more with a fresh token when the first is refused: nothing has begun then. */
  async function converse<T>(
    name: string,
    remainingMs: () => number,
    talk: (stream: Stream) => Promise<T>,
  ): Promise<T> {
    const once = async (refresh: boolean) => {
      const address = await host.locate(name, { deadlineMs: remainingMs(), refresh });
      const stream = openStream(connections, address, remainingMs);
      try {
        return await talk(stream);
      } finally {
        // Nobody waits for it: a conversation that is not ended the server ends by itself.
        stream.close().catch(() => undefined);
      }
    };
    try {
      return await once(false);
    } catch (error) {
      if (error instanceof DatabaseForbidden) return once(true);
      throw error;
    }
  }

  async function provide(name: string): Promise<void> {
    const remainingMs = countdown(createWithinMs);
    await host.create(name, remainingMs());
    for (;;) {
      try {
        await converse(name, remainingMs, (stream) => migrateRemote(stream, migrations, { create: true }));
        return;
      } catch (error) {
        if (!(error instanceof DatabaseAbsent) || remainingMs() <= createPauseMs) throw error;
        await sleep(createPauseMs);
      }
    }
  }

  async function work(name: string, { footprint, run }: RemoteWork): Promise<unknown> {
    const remainingMs = countdown(options.timeoutMs);
    const attempt = () => converse(name, remainingMs, (stream) => workOn(stream, footprint, run));
    const first = await attempt();
    if (first !== 'outdated') return first.output;
    await converse(name, remainingMs, (stream) => migrateRemote(stream, migrations, { create: false }));
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
    if (readState(state) !== newest) return 'outdated';
    let room = loadedBytesMax;
    for (const [at, { table, read, rows }] of loads.entries()) {
      let page = toPage(answers[at]);
      rows.push(...page.rows);
      while (page.next !== undefined) {
        room -= page.bytes;
        if (room < 0) throw tooMuch(new Error(`a footprint of more than ${loadedBytesMax} bytes`));
        const [answer] = await stream.query([pageQuery(table, read, page.next)]);
        page = toPage(answer);
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
    use(name, remoteWork, { create }) {
      return explained(() =>
        turns.take(name, async () => {
          if (create) await provide(name);
          return work(name, remoteWork);
        }),
      );
    },
    remove: (name) => explained(() => turns.take(name, () => host.remove(name, options.timeoutMs))),
    async close() {
      await turns.idle();
      connections.close();
      scratch.close();
    },
  };
}

function toPage(answer: readonly Row[] | RemoteSqlError | undefined): Page {
  if (answer === undefined) throw new Error('each statement has an answer');
  if (answer instanceof RemoteSqlError) throw answer;
  return readPage(answer);
}

async function explained<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof DatabaseAbsent)
      throw vaultMissing({ detail: 'Its database is gone. Restore it from a backup.', cause: error });
    throw explainRemote(error);
  }
}

function countdown(ms: number): () => number {
  const endsAt = performance.now() + ms;
  return () => Math.ceil(endsAt - performance.now());
}
