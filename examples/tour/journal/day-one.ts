import { TourFailure } from '../failure.ts';
import { decodeUtf8, type EntryValue, type JournalEntry } from './entry.ts';

/** Day One's ids (32 hex digits) and UUIDs; what a vault takes as an id. */
const idShape = /^[A-Za-z0-9_-]{16,64}$/;

/**
 * Reads a Day One JSON export, `{metadata, entries: [{uuid, creationDate, text, …}]}`. Members beyond those are kept
 * as they are. An entry without `text`, for example one of only photos, gets an empty one.
 */
export function parseDayOne(bytes: Uint8Array): JournalEntry[] {
  if (isZip(bytes)) throw new TourFailure('it is a ZIP file; unpack it and give the JSON file inside.');
  const journal = parseJson(decodeUtf8(bytes, 'it'));
  if (!isRecord(journal) || !Array.isArray(journal.entries)) {
    throw new TourFailure('it is JSON, but has no list `entries` as a Day One export does.');
  }
  const entries = journal.entries.map(parseEntry);
  if (entries.length === 0) throw new TourFailure('its list `entries` is empty.');
  refuseDuplicates(entries);
  return entries;
}

function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 0x03 && bytes[3] === 0x04;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (cause) {
    throw new TourFailure(`it is not whole JSON${placeOf(cause)}.`);
  }
}

/** Only the place: the parser's sentence quotes the text around it, and this is somebody's journal. */
function placeOf(cause: unknown): string {
  const place = cause instanceof Error ? /line \d+ column \d+/.exec(cause.message)?.[0] : undefined;
  return place === undefined ? '' : ` (${place})`;
}

function parseEntry(entry: unknown, index: number): JournalEntry {
  const at = `entries[${index}]`;
  if (!isRecord(entry)) throw expected(at, 'an object', entry);
  const { uuid, text = '' } = entry;
  if (typeof uuid !== 'string' || !idShape.test(uuid)) {
    throw expected(`${at}.uuid`, '16 to 64 letters, digits, "-" or "_"', uuid);
  }
  if (typeof text !== 'string') throw expected(`${at}.text`, 'a text', text);
  checkMembers(entry, at);
  const value: EntryValue = { ...entry, text };
  return { id: uuid, value };
}

function checkMembers({ creationDate, tags, starred }: Record<string, unknown>, at: string): void {
  if (typeof creationDate !== 'string' || Number.isNaN(Date.parse(creationDate))) {
    throw expected(`${at}.creationDate`, 'a time such as "2026-11-20T21:00:00Z"', creationDate);
  }
  if (tags !== undefined && !isTextList(tags)) throw expected(`${at}.tags`, 'a list of texts', tags);
  if (starred !== undefined && typeof starred !== 'boolean') {
    throw expected(`${at}.starred`, 'true or false', starred);
  }
}

/** Two entries under one id would be two versions of one: the second would replace the first. */
function refuseDuplicates(entries: readonly JournalEntry[]): void {
  const seen = new Map<string, number>();
  for (const [index, { id }] of entries.entries()) {
    const first = seen.get(id);
    if (first !== undefined) {
      throw new TourFailure(
        `entries[${index}].uuid is that of entries[${first}]; every entry needs its own.`,
      );
    }
    seen.set(id, index);
  }
}

function expected(where: string, what: string, came: unknown): TourFailure {
  return new TourFailure(`${where} is ${kindOf(came)}; expected ${what}.`);
}

/** The kind of a value and never the value: it may be the text of an entry. */
function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return isTextList(value) ? 'a list' : 'a list of something else';
  return typeof value === 'object' ? 'an object' : `a ${typeof value} that does not fit`;
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((member) => typeof member === 'string');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
