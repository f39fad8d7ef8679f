import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PGlite } from '@electric-sql/pglite';
import { PGliteDialect } from 'kysely';
import { fromPglite } from 'pg-boss';
import type { Connection } from './connection.ts';
import { scrubEmbedded } from './embedded-scrub.ts';
import { startParams } from './embedded-settings.ts';

const run = promisify(execFile);
/** Types by their number in PostgreSQL, as the other driver gives them. */
const parsers = {
  /* bytea */ 17: (text: string) => Buffer.from(text.slice(2), 'hex'),
  /* int8 */ 20: Number,
};

/** PostgreSQL inside this process, one connection, its files in `directory`. */
export async function connectEmbedded(directory: string): Promise<Connection> {
  if (!existsSync(directory)) await initialise(directory);
  const pglite = await PGlite.create(directory, { startParams, parsers });
  return {
    kind: 'embedded',
    dialect: new PGliteDialect({ pglite }),
    jobs: fromPglite(pglite),
    scrub: () => scrubEmbedded(pglite),
    close: () => pglite.close(),
  };
}

/**
 * Makes the database's files in a process of their own, because initialisation takes some 300 MB that only an ending
 * process gives back, and under another name, because a start that is cut short must not leave half a database behind.
 */
async function initialise(directory: string): Promise<void> {
  const unfinished = `${directory}.unfinished`;
  await rm(unfinished, { recursive: true, force: true });
  await run(process.execPath, [
    fileURLToPath(new URL('./embedded-initialise.ts', import.meta.url)),
    unfinished,
  ]);
  await rename(unfinished, directory);
}
