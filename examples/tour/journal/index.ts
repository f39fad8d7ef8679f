/** Journals from elsewhere, as entries for a vault. */
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { TourFailure } from '../failure.ts';
import { parseDayOne } from './day-one.ts';
import type { JournalEntry } from './entry.ts';
import { readMarkdownFolder } from './markdown.ts';

export type { EntryValue, JournalEntry } from './entry.ts';

export interface Journal {
  readonly name: string;
  readonly entries: readonly JournalEntry[];
}

/** What to give instead, for every journal that cannot be read. */
const hint = 'A journal is a Day One JSON export or a folder of Markdown files.';

/** Reads a Day One export (a file) or Markdown (a folder). Throws a `TourFailure` that says what was expected where. */
export async function readJournal(path: string): Promise<Journal> {
  const name = basename(path);
  try {
    const entries = (await stat(path)).isDirectory()
      ? await readMarkdownFolder(path)
      : await readDayOne(path);
    return { name, entries };
  } catch (error) {
    throw new TourFailure(`The journal ${path} cannot be read: ${reasonOf(error)} ${hint}`, { cause: error });
  }
}

async function readDayOne(path: string): Promise<JournalEntry[]> {
  return parseDayOne(await readFile(path));
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) throw error;
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is nothing at this path.';
  if (code === 'EACCES') return 'this user may not read it.';
  return error.message;
}
