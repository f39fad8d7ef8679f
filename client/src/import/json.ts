/** What `exportJson` and `exportBundle` wrote, back into a vault. */
import { type ByteSource, type Bytes, bytesOf, decoded } from '../bytes.ts';
import { openBundle } from '../crypto/bundle.ts';
import { AlcoveError } from '../errors.ts';
import { exportFormat, exportVersion } from '../export/index.ts';
import { isRecord, isText } from '../wire.ts';
import { elementsOf } from './json-list.ts';
import {
  type Found,
  type FoundItem,
  type ImportOptions,
  type ImportResult,
  type ImportTarget,
  writeFound,
} from './write.ts';

/**
 * Imports a document of `exportJson`, under the same ids: whatever the vault has already is left as it is. Where the file
 * holds several versions of an item, each becomes an item of its own, so that nothing is lost.
 *
 * Throws `import.not_recognised`, `import.newer`, `import.damaged` (naming the line; what came before it is stored),
 * `aborted`, and as `put`.
 */
export function importJson(
  vault: ImportTarget,
  source: ByteSource,
  options: ImportOptions = {},
): Promise<ImportResult> {
  return writeFound(vault, readItems(vault, bytesOf(source)), options);
}

/**
 * Imports a bundle of `exportBundle`, as `importJson` does. Throws also `import.wrong_password`; a bundle that is damaged
 * somewhere, or cut off, is stored up to there.
 */
export function importBundle(
  vault: ImportTarget,
  source: ByteSource,
  { password, ...options }: ImportOptions & { readonly password: string },
): Promise<ImportResult> {
  return writeFound(vault, readItems(vault, openBundle(password, bytesOf(source))), options);
}

async function* readItems(vault: ImportTarget, bytes: AsyncIterable<Bytes>): AsyncGenerator<Found, void> {
  for await (const { value, line } of elementsOf(decoded(bytes), { onHead, onTail })) {
    yield* await readItem(vault, value, `line ${line}`);
  }
}

function onHead(head: unknown): void {
  if (!isRecord(head) || head.format !== exportFormat) {
    throw new AlcoveError('import.not_recognised', 'This is no export of an Alcove vault.');
  }
  if (head.version !== exportVersion) {
    throw new AlcoveError('import.newer', 'The file was written by a newer Alcove SDK. Update this program.');
  }
}

function onTail(tail: unknown, found: number): void {
  const count = isRecord(tail) ? tail.count : undefined;
  if (count === found) return;
  throw new AlcoveError('import.damaged', `The file says that it has ${count} items, and has ${found}.`);
}

async function readItem(vault: ImportTarget, item: unknown, place: string): Promise<Found[]> {
  if (!isRecord(item) || !isText(item.id)) return [{ place, reason: 'It is no item: it has no id.' }];
  const { siblings = [], ...first } = item;
  if (!Array.isArray(siblings)) return [{ place, reason: 'siblings is a list.' }];
  const others = siblings.map(async (sibling): Promise<Found> => {
    const id = await vault.deriveId(JSON.stringify(['sibling', item.id, sibling]));
    return readVersion({ ...Object(sibling), kind: item.kind, id }, place);
  });
  return [readVersion(first, place), ...(await Promise.all(others))];
}

/** The vault itself checks kind, id and meta when it takes the item. */
function readVersion(item: Record<string, unknown>, place: string): Found {
  const { updatedAt, error, deviceId: _writer, ...rest } = item;
  if (error !== undefined)
    return { place, reason: `It did not open when it was exported (${String(error)}).` };
  if (!isItem(rest)) return { place, reason: 'It has no value.' };
  return { place, item: rest, changedAt: isText(updatedAt) ? updatedAt : undefined };
}

function isItem(item: object): item is FoundItem['item'] {
  return 'value' in item && 'kind' in item;
}
