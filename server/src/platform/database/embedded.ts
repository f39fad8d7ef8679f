import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PGlite } from '@electric-sql/pglite';
import { PGliteDialect } from 'kysely';
import { fromPglite } from 'pg-boss';
import { DataFolderError } from '../lock/index.ts';
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
  const pglite = await open(directory);
  return {
    kind: 'embedded',
    dialect: new PGliteDialect({ pglite }),
    jobs: fromPglite(pglite),
    scrub: () => scrubEmbedded(pglite),
    close: () => pglite.close(),
  };
}

async function open(directory: string): Promise<PGlite> {
  try {
    return await PGlite.create(directory, { startParams, parsers });
  } catch (cause) {
    throw new DataFolderError(
      `The control database in ${directory} cannot be opened: a file is damaged, missing, or not this user's. Restore the ` +
        'whole data folder from a backup.',
      { cause },
    );
  }
}

/**
 * Makes the database's files in a process of their own, because initialisation takes some 300 MB that only an ending
 * process gives back, and under another name, because a start that is cut short must not leave half a database behind.
 * Each attempt has a name of its own: the process of one that was killed may write on for a moment.
 */
async function initialise(directory: string): Promise<void> {
  const prefix = `${directory}.unfinished-`;
  await removeUnfinished(prefix);
  const unfinished = await mkdtemp(prefix);
  await run(process.execPath, [
    fileURLToPath(new URL('./embedded-initialise.ts', import.meta.url)),
    unfinished,
  ]);
  await rename(unfinished, directory);
}

async function removeUnfinished(prefix: string): Promise<void> {
  const parent = dirname(prefix);
  const names = (await readdir(parent)).filter((name) => name.startsWith(basename(prefix)));
  // One that is still written to may stay: it is in nobody's way.
  await Promise.allSettled(names.map((name) => rm(join(parent, name), { recursive: true, force: true })));
}
