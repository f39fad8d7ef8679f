/** Markdown files with or without YAML front matter, as journals and note apps keep them. */
import { parseDocument } from 'yaml';
import { type ByteSource, bytesOf, decoded, peek } from '../bytes.ts';
import { AlcoveError } from '../errors.ts';
import { isRecord, isText } from '../wire.ts';
import { findDate } from './dates.ts';
import type { EntryOptions, ImportedEntry } from './entry.ts';
import {
  type Found,
  type ImportOptions,
  type ImportResult,
  type ImportTarget,
  type Skipped,
  writeFound,
} from './write.ts';
import { filesOfZip, isZip, zipStartLength } from './zip.ts';

type Options = ImportOptions & EntryOptions;

/** One file of a folder. */
export interface MarkdownFile {
  /** With the folders that it is in, if they matter: `2026/2026-11-20.md`. */
  readonly path: string;
  readonly content: ByteSource;
}

/** What apps call the time when an entry was made, and when it was changed. */
const createdNames = ['date', 'created', 'createdAt', 'created_at', 'creationDate', 'created-date'];
const modifiedNames = [
  'modified',
  'updated',
  'modifiedAt',
  'updatedAt',
  'modified_at',
  'updated_at',
  'lastmod',
];
/** A longer file is no entry, and a vault would not take it. */
const fileLengthMax = 4 * 1024 * 1024;
const fence = /^---[ \t]*\r?\n(.*?\r?\n)??(?:---|\.\.\.)[ \t]*(?:\r?\n|$)/s;
const nameOfMarkdown = /\.(md|markdown)$/i;

/**
 * Imports Markdown: one file, a ZIP of a folder, or files as an app lists them. Each file becomes an entry whose value is
 * an `ImportedEntry`. `title`, `tags`, the dates and `starred` come from YAML front matter, a missing date and title from
 * the file's name (`2026-11-20 Dinner.md`); other front matter is kept in `source.rest`. Run again, it changes nothing;
 * a file that says something else by then is another entry.
 *
 * Files that cannot be read are named in `skipped`. Throws `import.damaged`, `import.unsafe`, `aborted`, and as `put`.
 *
 * @param input A Blob (a `File`, or `openAsBlob` of Node), or the files, for example
 *   `[...input.files].map((file) => ({ path: file.webkitRelativePath, content: file }))`.
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { createClient, memoryStorage } from '@alcove/client';
 * import { type ImportedEntry, importMarkdown } from '@alcove/client/import';
 *
 * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
 * await client.register();
 * const files = [
 *   { path: '2026-11-20 Dinner.md', content: '---\ntags: [home, food]\n---\nMy wife and I alone.\n' },
 *   { path: 'broken.md', content: '---\ntags: [home\n---\nText.\n' },
 * ];
 * const toValue = ({ title, text, createdAt, tags }: ImportedEntry) => ({ title, text, createdAt, tags });
 * const result = await importMarkdown(client.vault, files, { toValue });
 * assert.equal(result.imported, 1);
 * assert.equal(result.skipped[0]?.place, 'broken.md, line 3');
 *
 * const [item] = await client.vault.list();
 * assert.deepEqual(item?.value, {
 *   title: 'Dinner',
 *   text: 'My wife and I alone.\n',
 *   createdAt: '2026-11-20',
 *   tags: ['home', 'food'],
 * });
 * ```
 */
export function importMarkdown(
  vault: ImportTarget,
  input: Blob | Iterable<MarkdownFile> | AsyncIterable<MarkdownFile>,
  options: Options = {},
): Promise<ImportResult> {
  return writeFound(vault, readFiles(vault, input, options), options);
}

async function* readFiles(
  vault: ImportTarget,
  input: Blob | Iterable<MarkdownFile> | AsyncIterable<MarkdownFile>,
  { toValue = (entry) => entry }: Options,
): AsyncGenerator<Found, void> {
  const files = input instanceof Blob ? filesOfBlob(input) : input;
  for await (const { path, content } of files) yield await readFile(vault, path, content, toValue);
}

async function* filesOfBlob(blob: Blob): AsyncGenerator<MarkdownFile, void> {
  const { start, all } = await peek(bytesOf(blob), zipStartLength);
  if (!isZip(start)) {
    yield { path: blob instanceof File ? blob.name : 'untitled.md', content: all };
    return;
  }
  for await (const { path, bytes } of filesOfZip(all, isNote)) yield { path, content: bytes };
}

/** What apps and systems keep beside the notes lies in hidden folders, or in one that macOS adds. */
function isNote(path: string): boolean {
  const isHidden = path.split('/').some((part) => part.startsWith('.') || part === '__MACOSX');
  return !isHidden && nameOfMarkdown.test(path);
}

async function readFile(
  vault: ImportTarget,
  path: string,
  content: ByteSource,
  toValue: (entry: ImportedEntry) => unknown,
): Promise<Found> {
  const text = await readText(content);
  if (!isText(text)) return { place: path, reason: text.reason };
  const read = readEntry(path, text);
  if ('reason' in read) return read;
  const { path: _path, ...rest } = read.entry.source;
  const id = await vault.deriveId(`markdown ${JSON.stringify({ ...read.entry, source: rest })}`);
  const { modifiedAt } = read.entry;
  return { place: path, item: { kind: 'entry', id, value: toValue(read.entry) }, changedAt: modifiedAt };
}

async function readText(content: ByteSource): Promise<string | { reason: string }> {
  let text = '';
  try {
    for await (const part of decoded(bytesOf(content))) {
      text += part;
      if (text.length > fileLengthMax) return { reason: `It is longer than ${fileLengthMax} characters.` };
    }
  } catch (error) {
    if (error instanceof AlcoveError && error.code === 'import.damaged') return { reason: error.message };
    throw error;
  }
  return text;
}

function readEntry(path: string, file: string): Skipped | { entry: ImportedEntry } {
  const match = fence.exec(file);
  const front = match === null ? {} : readFrontMatter(match[1] ?? '');
  if ('fault' in front) return { place: `${path}, line ${front.line}`, reason: front.fault };
  // A line of dashes that opens no front matter is a rule, and belongs to the text.
  const members = front.members ?? {};
  const text = match === null || front.members === undefined ? file : file.slice(match[0].length);
  return { entry: toEntry(path, text.replace(/^(\r?\n)+/, ''), members) };
}

function toEntry(path: string, text: string, members: Readonly<Record<string, unknown>>): ImportedEntry {
  const named = readName(path);
  const { title, tags, starred, ...others } = members;
  const created = takeDate(others, createdNames);
  const modified = takeDate(created.rest, modifiedNames);
  const rest = {
    ...modified.rest,
    ...(title === undefined || isText(title) ? {} : { title }),
    ...(starred === undefined || typeof starred === 'boolean' ? {} : { starred }),
  };
  return {
    text,
    title: isText(title) ? title : named.title,
    createdAt: created.date ?? named.date,
    modifiedAt: modified.date,
    tags: readTags(tags),
    starred: typeof starred === 'boolean' ? starred : undefined,
    source: { app: 'markdown', path, rest: Object.keys(rest).length === 0 ? undefined : rest },
  };
}

/** Nothing of the text itself is in the reason: it may be private. */
function readFrontMatter(
  yaml: string,
): { members?: Record<string, unknown> } | { fault: string; line: number } {
  const document = parseDocument(yaml, { schema: 'core', prettyErrors: true, logLevel: 'silent' });
  const [error] = document.errors;
  if (error !== undefined) {
    // The line of dashes above comes first.
    const line = (error.linePos?.[0].line ?? 1) + 1;
    return { fault: `Its front matter is no YAML (${error.code}).`, line };
  }
  try {
    const members: unknown = document.toJS({ maxAliasCount: 100 });
    return isRecord(members) ? { members } : {};
  } catch {
    return { fault: 'Its front matter refers to itself too often.', line: 2 };
  }
}

/** The first of these members that is a date, and everything else. */
function takeDate(members: Readonly<Record<string, unknown>>, names: readonly string[]) {
  const name = names.find((each) => findDate(members[each]) !== undefined);
  if (name === undefined) return { date: undefined, rest: members };
  const { [name]: date, ...rest } = members;
  return { date: findDate(date), rest };
}

/** A list, or one text with commas or spaces, with or without `#`. */
function readTags(tags: unknown): string[] {
  const list = Array.isArray(tags) ? tags : isText(tags) ? tags.split(/[,\s]+/) : [];
  const names = list.filter((tag) => isText(tag) || typeof tag === 'number').map(String);
  return [...new Set(names.map((tag) => tag.trim().replace(/^#/, '')).filter((tag) => tag !== ''))];
}

/** `2026-11-20 Dinner.md`, `2026_11_20.md`, `20261120-dinner.md`: a day, and what is left is the title. */
function readName(path: string): { date: string | undefined; title: string | undefined } {
  const name = (path.split('/').at(-1) ?? path).replace(nameOfMarkdown, '');
  const [whole = '', year, month, day] = /^(\d{4})[-_.]?(\d{2})[-_.]?(\d{2})(?!\d)/.exec(name) ?? [];
  const date = findDate(`${year}-${month}-${day}`);
  const title = (date === undefined ? name : name.slice(whole.length)).replace(/^[\s_.-]+/, '').trim();
  return { date, title: title === '' ? undefined : title };
}
