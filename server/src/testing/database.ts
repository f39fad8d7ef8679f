import { join } from 'node:path';
import { createDatabase, type Database, type Transaction } from '../platform/database/index.ts';
import type { TestServer } from './server.ts';

/** The control database of a server that was stopped: the embedded one lets nobody in beside it. */
export function openDatabase({ databaseUrl, dataDir }: TestServer): Promise<Database> {
  return createDatabase({ url: databaseUrl, directory: join(dataDir, 'control'), onError: () => {} });
}

/** Stops the server, lets `work` at its database as the owner, and starts the server again. */
export async function behindTheScenes<T>(
  server: TestServer,
  work: (tx: Transaction, database: Database) => Promise<T>,
): Promise<T> {
  await server.stop();
  const database = await openDatabase(server);
  try {
    return await database.asOwner((tx) => work(tx, database));
  } finally {
    await database[Symbol.asyncDispose]();
    await server.restart();
  }
}
