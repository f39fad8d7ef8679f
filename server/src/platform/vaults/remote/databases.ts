/** The databases on the other machine: made, spoken to, removed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { vaultMissing } from '../errors.ts';
import type { VaultMigration } from '../migrate.ts';
import { countdown } from './countdown.ts';
import { createDatabaseHost, type DatabaseHostOptions } from './hosts.ts';
import { createHttpConnections } from './http.ts';
import { DatabaseAbsent, DatabaseForbidden, explainRemote } from './remote-errors.ts';
import type { Seen } from './replicas/replicas.ts';
import { openReplicationLog, type ReplicationLog } from './replicas/replication-log.ts';
import { migrateRemote } from './schema.ts';
import { openStream, type Stream } from './stream.ts';

export interface RemoteVaultsOptions {
  readonly host: DatabaseHostOptions;
  /** What a call may take, and what it may wait for its turn before. */
  readonly timeoutMs: number;
  /** How many vaults are worked on at once. */
  readonly concurrencyMax: number;
  /** Whether reads may be answered from replicas on this machine. */
  readonly replicas: boolean;
}

export interface Databases {
  /** Lends a conversation with the database. */
  converse<T>(name: string, remainingMs: () => number, talk: (stream: Stream) => Promise<T>): Promise<T>;
  /** Makes the database where there is none, waits until it answers, and runs `prepare` on it. */
  provide(name: string, prepare?: (stream: Stream) => Promise<void>): Promise<void>;
  remove(name: string): Promise<void>;
  openLog(name: string, remainingMs: () => number): ReplicationLog;
  close(): void;
}

/** A database that was just made answers only after some seconds. */
const createWithinMs = 30_000;
const createPauseMs = 300;

interface DatabasesParts {
  readonly migrations: readonly VaultMigration[];
  /** How far the replication log of a database was when it answered. */
  readonly onSeen: (name: string, seen: Seen) => void;
}

export function createDatabases(
  options: RemoteVaultsOptions,
  { migrations, onSeen }: DatabasesParts,
): Databases {
  const connections = createHttpConnections();
  const host = createDatabaseHost(options.host, connections);

  /** Opens a conversation, once more with a fresh token when the first is refused: nothing has begun then. */
  async function converse<T>(
    name: string,
    remainingMs: () => number,
    talk: (stream: Stream) => Promise<T>,
  ): Promise<T> {
    const once = async (refresh: boolean) => {
      const address = await host.locate(name, { deadlineMs: remainingMs(), refresh });
      const stream = openStream(connections, address, remainingMs, (seen) => onSeen(name, seen));
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

  async function provide(name: string, prepare = createSchema): Promise<void> {
    const remainingMs = countdown(createWithinMs);
    await host.create(name, remainingMs());
    for (;;) {
      try {
        await converse(name, remainingMs, prepare);
        return;
      } catch (error) {
        if (!(error instanceof DatabaseAbsent) || remainingMs() <= createPauseMs) throw error;
        await sleep(createPauseMs);
      }
    }
  }

  const createSchema = (stream: Stream) => migrateRemote(stream, migrations, { create: true });

  return {
    converse,
    provide,
    remove: (name) => host.remove(name, options.timeoutMs),
    openLog(name, remainingMs) {
      const locate = () => host.locate(name, { deadlineMs: remainingMs(), refresh: false });
      return openReplicationLog(connections, locate, name, remainingMs);
    },
    close: () => connections.close(),
  };
}

/** Whatever goes wrong, as the caller may hear it. */
export async function explained<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof DatabaseAbsent)
      throw vaultMissing({ detail: 'Its database is gone. Restore it from a backup.', cause: error });
    throw explainRemote(error);
  }
}
