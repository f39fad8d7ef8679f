import { randomUUID } from 'node:crypto';
import { glob, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { TourFailure } from '../failure.ts';
import { decodeUtf8, type JournalEntry } from './entry.ts';

/**
 * Reads every Markdown file in a folder and the folders below it, one entry each, in the order of their paths. An
 * entry's id is random: one made from the path could be guessed.
 */
export async function readMarkdownFolder(folder: string): Promise<JournalEntry[]> {
  const files = await findMarkdown(folder);
  if (files.length === 0) throw new TourFailure('the folder holds no file that ends in .md or .markdown.');
  return Promise.all(files.map((file) => readEntry(folder, file)));
}

async function findMarkdown(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const found of glob('**/*.{md,markdown}', { cwd: folder, withFileTypes: true })) {
    if (found.isFile()) files.push(relative(folder, join(found.parentPath, found.name)));
  }
  return files.sort();
}

async function readEntry(folder: string, file: string): Promise<JournalEntry> {
  const path = join(folder, file);
  const value = {
    file: file.split(sep).join('/'),
    creationDate: dateInName(file) ?? (await stat(path)).mtime.toISOString(),
    text: decodeUtf8(await readFile(path), file),
  };
  return { id: randomUUID(), value };
}

/** Many people name a day's note after the day. */
function dateInName(file: string): string | undefined {
  const [day] = /\d{4}-\d{2}-\d{2}/.exec(file) ?? [];
  return day === undefined || Number.isNaN(Date.parse(day)) ? undefined : new Date(day).toISOString();
}
