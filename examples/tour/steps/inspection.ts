/** What the server can see of the journal, and what it cannot: its own files are the witness. */
import { TourFailure } from '../failure.ts';
import { formatBytes, formatCount, formatMs, plural, timed } from '../figures.ts';
import type { Journal, JournalEntry } from '../journal/index.ts';
import { encodedWordNeedle, keyNeedle, type Search, searchFolder, wordNeedle } from '../search.ts';
import type { Stage } from '../stage.ts';
import { columnMeanings, findStoredRow, type StoredRow } from '../stored-row.ts';
import { longWords } from '../words.ts';
import type { TourDevice } from './devices.ts';
import type { TourServer } from './server.ts';

const wordsMax = 10;
const valueLengthMax = 36;
/** One to sign, one to receive with, and one for the vault. */
const keysPerDeviceMin = 3;

/** How much was looked for in the data folder, and not found. */
export interface Findings {
  readonly words: number;
  readonly keys: number;
}

/**
 * Ten long words of the journal that the data folder does not hold before the journal comes. PostgreSQL's catalogues
 * hold long words of their own, and finding those later would prove nothing.
 */
export async function chooseWords(journal: Journal, { dataDir }: TourServer): Promise<string[]> {
  const candidates = longWords(journal);
  if (dataDir === undefined) return [];
  const { found } = await searchFolder(dataDir, candidates.map(wordNeedle));
  return candidates.filter((word) => !found.has(word)).slice(0, wordsMax);
}

/** Undefined where the server's files cannot be read from here. */
export async function inspectServer(
  stage: Stage,
  { dataDir }: TourServer,
  { entries: [entry] }: Journal,
  words: readonly string[],
  devices: readonly TourDevice[],
): Promise<Findings | undefined> {
  const { terminal } = stage;
  terminal.step('See what the server sees');
  const row = dataDir && entry && (await findStoredRow(dataDir, entry.id));
  if (!row) {
    terminal.fact(
      'The files of this server are not to be read from here, so they cannot be shown. With ALCOVE_DATA_DIR set to its data folder, on its machine, they can.',
    );
    return undefined;
  }
  showRow(stage, entry, row);
  return searchForSecrets(stage, dataDir, { control: entry.id, words, keys: await keysOf(devices) });
}

function showRow({ terminal }: Stage, { value }: JournalEntry, row: StoredRow): void {
  terminal.fact('One entry, as the devices have it:');
  terminal.quote('text', value.text);
  terminal.blank();
  terminal.fact('The same entry, as the server stores it, column by column:');
  for (const [column, stored] of Object.entries(row)) {
    terminal.row(column, shorten(String(stored ?? '')), columnMeanings[column] ?? 'not known to this tour');
  }
  terminal.blank();
  terminal.fact(
    'Beside it the server knows the account, its devices with their names and public keys, and who called when.',
  );
}

function shorten(text: string): string {
  return text.length <= valueLengthMax ? text : `${text.slice(0, 16)}… ${formatCount(text.length)} letters`;
}

/** What must not be at the server, and what must. */
interface Sought {
  readonly words: readonly string[];
  readonly keys: readonly string[];
  /** The id of an entry: a search that does not even find that finds nothing. */
  readonly control: string;
}

async function keysOf(devices: readonly TourDevice[]): Promise<string[]> {
  const keys = await Promise.all(devices.map(({ listKeys }) => listKeys()));
  if (keys.some(({ length }) => length < keysPerDeviceMin)) {
    throw new TourFailure('a device does not show its own keys, so they cannot be looked for.');
  }
  return [...new Set(keys.flat())];
}

async function searchForSecrets({ terminal }: Stage, dataDir: string, sought: Sought): Promise<Findings> {
  const { words, keys, control } = sought;
  const needles = [
    wordNeedle(control),
    ...words.flatMap((word) => [wordNeedle(word), encodedWordNeedle(word)]),
    ...keys.map(keyNeedle),
  ];
  const { result, ms } = await timed(() => searchFolder(dataDir, needles));
  requireOnlyControl(result, sought);
  const place = `${plural(result.files, 'file', 'files')} of its data folder (${formatBytes(result.bytes)})`;
  terminal.fact(
    `A search of ${place} took ${formatMs(ms)}. It finds the entry's id, which the server knows, and`,
  );
  terminal.proven(`0 of ${plural(words.length, 'long word', 'long words')} of the journal`);
  if (words.length > 0) terminal.quote('words', words.join(', '));
  terminal.proven(
    `0 of ${plural(keys.length, 'private and vault key', 'private and vault keys')} of the devices`,
  );
  return { words: words.length, keys: keys.length };
}

function requireOnlyControl({ found }: Search, { words, keys, control }: Sought): void {
  if (!found.has(control)) throw new TourFailure('the search does not even find what the server knows.');
  const wordsFound = words.filter((word) => found.has(word)).length;
  const keysFound = keys.filter((key) => found.has(key)).length;
  if (wordsFound + keysFound === 0) return;
  throw new TourFailure(
    `the server's data folder holds ${wordsFound} of ${words.length} words of the journal and ${keysFound} of ${keys.length} keys of the devices.`,
  );
}
