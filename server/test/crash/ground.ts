/** A data folder (and database) that servers are started on and killed on, one after the other. */
import { rm } from 'node:fs/promises';
import { type ServerProcess, startServerProcess } from '../../src/testing/process.ts';
import { copyTemplate } from '../../src/testing/template.ts';

export interface Ground extends AsyncDisposable {
  readonly dataDir: string;
  start(): Promise<ServerProcess>;
}

export async function createGround(): Promise<Ground> {
  const { dataDir, database, remove } = await copyTemplate();
  const logFile = `${dataDir}.log`;
  const env = {
    PUBLIC_URL: 'http://alcove.test',
    // The load is meant to be heavier than any caller may be.
    ALCOVE_LIMIT_SCALE: '0',
    ...(database === undefined ? {} : { DATABASE_URL: database }),
  };
  let server: ServerProcess | undefined;
  return {
    dataDir,
    async start() {
      server = await startServerProcess({ dataDir, logFile, env });
      return server;
    },
    async [Symbol.asyncDispose]() {
      await server?.kill();
      await remove();
      await rm(logFile, { force: true });
    },
  };
}
