/** Day One's JSON export: a ZIP with a document for each journal, and folders of photos and other media. */
import { type ByteSource, type Bytes, bytesOf, decoded, peek } from '../bytes.ts';
import { AlcoveError } from '../errors.ts';
import { isRecord, isText } from '../wire.ts';
import type { EntryOptions, ImportedEntry } from './entry.ts';
import { elementsOf } from './json-list.ts';
import { type Found, type ImportOptions, type ImportResult, type ImportTarget, writeFound } from './write.ts';
import { filesOfZip, isZip, zipStartLength } from './zip.ts';

type Options = ImportOptions & EntryOptions;

/**
 * Imports an export of Day One (its menu: Export, JSON): the ZIP as it is, or a journal's document out of it. Each
 * entry becomes an entry of the vault whose value is an `ImportedEntry`. Photos are listed, not imported; what Day One
 * says beside all this is kept in `source.rest`. Run again, it changes only what was changed in Day One since.
 *
 * Throws `import.not_recognised`, `import.damaged`, `import.unsafe`, `aborted`, and as `put`.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { createClient, memoryStorage } from '@alcove/client';
 * import { importDayOne } from '@alcove/client/import';
 *
 * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
 * await client.register();
 * const journal = JSON.stringify({
 *   metadata: { version: '1.0' },
 *   entries: [
 *     {
 *       uuid: '0C2B64A4D4A94E0A8E3C4B5D6F708192',
 *       creationDate: '2026-11-20T07:16:00Z',
 *       timeZone: 'Europe/London',
 *       text: 'Up betimes, and to the office.',
 *       tags: ['work'],
 *       starred: true,
 *     },
 *   ],
 * });
 * const result = await importDayOne(client.vault, journal); // or the File of an <input type="file">
 * assert.deepEqual(result, { imported: 1, unchanged: 0, kept: 0, skipped: [] });
 * assert.equal((await importDayOne(client.vault, journal)).unchanged, 1);
 * ```
 */
export function importDayOne(
  vault: ImportTarget,
  source: ByteSource,
  options: Options = {},
): Promise<ImportResult> {
  return writeFound(vault, readExport(vault, bytesOf(source), options), options);
}

async function* readExport(
  vault: ImportTarget,
  bytes: AsyncGenerator<Bytes, void>,
  options: Options,
): AsyncGenerator<Found, void> {
  const { start, all } = await peek(bytes, zipStartLength);
  if (!isZip(start)) {
    yield* readJournal(vault, 'Journal.json', all, options);
    return;
  }
  let journals = 0;
  for await (const { path, bytes } of filesOfZip(all, isJournal)) {
    journals += 1;
    yield* readJournal(vault, path, bytesOf(bytes), options);
  }
  if (journals === 0) throw notRecognised('The archive holds no journal');
}

/** Documents lie at the top, under the names of the journals. */
function isJournal(path: string): boolean {
  return /^[^/.][^/]*\.json$/i.test(path);
}

async function* readJournal(
  vault: ImportTarget,
  path: string,
  bytes: AsyncIterable<Bytes>,
  { toValue = (entry) => entry }: Options,
): AsyncGenerator<Found, void> {
  const reader = { onHead: requireEntries, onTail: () => undefined };
  try {
    for await (const { value, line } of elementsOf(decoded(bytes), reader)) {
      yield await readEntry(vault, value, { path, line }, toValue);
    }
  } catch (error) {
    throw inFile(path, error);
  }
}

function requireEntries(head: unknown): void {
  if (isRecord(head) && Array.isArray(head.entries)) return;
  throw notRecognised('The document has no list of entries');
}

async function readEntry(
  vault: ImportTarget,
  entry: unknown,
  { path, line }: { path: string; line: number },
  toValue: (entry: ImportedEntry) => unknown,
): Promise<Found> {
  const place = `${path}, line ${line}`;
  if (!isRecord(entry)) return { place, reason: 'It is no entry.' };
  const { creationDate, modifiedDate, text, timeZone, tags, starred, location, weather, photos, ...rest } =
    entry;
  const { uuid } = rest;
  if (!isMoment(creationDate)) return { place, reason: 'It has no creationDate, or one that is no date.' };
  const changedAt = isMoment(modifiedDate) ? modifiedDate : creationDate;
  const value = toValue({
    text: isText(text) ? text : '',
    createdAt: creationDate,
    modifiedAt: isMoment(modifiedDate) ? modifiedDate : undefined,
    timeZone: isText(timeZone) ? timeZone : undefined,
    tags: Array.isArray(tags) ? tags.filter(isText) : [],
    starred: typeof starred === 'boolean' ? starred : undefined,
    location,
    weather,
    photos: Array.isArray(photos) ? photos.map(withPath) : undefined,
    source: { app: 'day-one', path, rest: Object.keys(rest).length === 0 ? undefined : rest },
  });
  // Entries that were made for importing into Day One have no uuid: then an entry is what it says, and when.
  const name = isText(uuid) ? uuid : JSON.stringify([creationDate, text]);
  return { place, item: { kind: 'entry', id: await vault.deriveId(`day-one ${name}`), value }, changedAt };
}

/** The archive names a photo after its content. */
function withPath(photo: unknown): unknown {
  if (!isRecord(photo) || !isText(photo.md5) || !isText(photo.type)) return photo;
  return { ...photo, path: `photos/${photo.md5}.${photo.type}` };
}

function isMoment(value: unknown): value is string {
  return isText(value) && !Number.isNaN(Date.parse(value));
}

function inFile(path: string, error: unknown): unknown {
  if (!(error instanceof AlcoveError) || !error.code.startsWith('import.')) return error;
  return new AlcoveError(error.code, `${path}: ${error.message}`, { cause: error });
}

function notRecognised(what: string): AlcoveError {
  return new AlcoveError('import.not_recognised', `${what}: this is no JSON export of Day One.`);
}
