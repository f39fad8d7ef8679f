/**
 * A vault as a file of one's own.
 *
 * The plain form is one JSON document in UTF-8, an item on each line:
 *
 * ```json
 * {"format":"alcove-vault","version":1,"exportedAt":"2026-11-20T07:16:00.123Z","items":[
 * {"kind":"entry","id":"…","updatedAt":"…","deviceId":"…","value":{"text":"Up betimes."}},
 * {"kind":"tag","id":"…","updatedAt":"…","deviceId":"…","value":"work","meta":{"entryId":"…"}}
 * ],"count":2}
 * ```
 *
 * `siblings` holds the other versions of an item in conflict, each with `updatedAt`, `deviceId`, `value` and `meta`. A
 * version that does not open here has `error`, its code, in place of `value`. `count` tells a whole file from one cut off.
 */
import { type Bytes, encoded, toStream } from '../bytes.ts';
import { requirePassword, sealBundle } from '../crypto/bundle.ts';
import type { SiblingVersion, VaultItem } from '../items.ts';
import type { Vault } from '../vault.ts';

export const exportFormat = 'alcove-vault';
export const exportVersion = 1;

export interface ExportOptions {
  /** Called with the number of items written so far. */
  readonly onProgress?: (done: number) => void;
}

/**
 * The vault's living items as a plain, readable JSON document, in UTF-8. Whoever has the file can read all of it.
 *
 * It is read a part at a time as it is written: give it to `writeFile` of Node, or to `pipeTo` or `new Response` in a
 * browser. What changes meanwhile comes as it was or as it is. The stream fails as `vault.each` does.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { mkdtemp, openAsBlob } from 'node:fs';
 * import { readFile, writeFile } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { promisify } from 'node:util';
 * import { createClient, memoryStorage } from '@alcove/client';
 * import { exportJson } from '@alcove/client/export';
 * import { importJson } from '@alcove/client/import';
 *
 * const url = 'http://127.0.0.1:8080';
 * await using client = await createClient({ url, storage: memoryStorage() });
 * await client.register();
 * const { id } = await client.vault.put({ kind: 'entry', value: { text: 'Up betimes.' } });
 *
 * const file = join(await promisify(mkdtemp)(join(tmpdir(), 'export-')), 'journal.json');
 * await writeFile(file, exportJson(client.vault));
 * assert.equal(JSON.parse(await readFile(file, 'utf8')).items[0].value.text, 'Up betimes.');
 *
 * await using other = await createClient({ url, storage: memoryStorage() });
 * await other.register();
 * assert.equal((await importJson(other.vault, await openAsBlob(file))).imported, 1);
 * assert.deepEqual((await other.vault.get('entry', id))?.value, { text: 'Up betimes.' });
 * ```
 */
export function exportJson(vault: Pick<Vault, 'each'>, options: ExportOptions = {}): ReadableStream<Bytes> {
  return toStream(encoded(writeDocument(vault, options)));
}

/**
 * The same document under a password: for backups and for moving house. Without the password nobody opens it, and a file
 * that was changed or cut off does not open either. PBKDF2 makes guessing slow, not impossible: take several words.
 *
 * Throws `invalid_argument` for a password of less than 12 characters.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { createClient, memoryStorage } from '@alcove/client';
 * import { exportBundle } from '@alcove/client/export';
 * import { importBundle } from '@alcove/client/import';
 *
 * const url = 'http://127.0.0.1:8080';
 * await using client = await createClient({ url, storage: memoryStorage() });
 * await client.register();
 * const { id } = await client.vault.put({ kind: 'entry', value: 'My wife and I alone at dinner.' });
 *
 * const password = 'parmesan cheese buried in the garden';
 * const file = await new Response(exportBundle(client.vault, { password })).blob();
 * await client.vault.delete('entry', id);
 * assert.equal((await importBundle(client.vault, file, { password })).imported, 1);
 * assert.equal((await client.vault.get('entry', id))?.value, 'My wife and I alone at dinner.');
 * ```
 */
export function exportBundle(
  vault: Pick<Vault, 'each'>,
  { password, ...options }: ExportOptions & { readonly password: string },
): ReadableStream<Bytes> {
  requirePassword(password);
  return toStream(sealBundle(password, encoded(writeDocument(vault, options))));
}

async function* writeDocument(
  vault: Pick<Vault, 'each'>,
  { onProgress }: ExportOptions,
): AsyncGenerator<string, void> {
  const head = {
    format: exportFormat,
    version: exportVersion,
    exportedAt: new Date().toISOString(),
    items: [],
  };
  yield JSON.stringify(head).slice(0, -']}'.length);
  let count = 0;
  for await (const item of vault.each()) {
    yield `${count === 0 ? '' : ','}\n${JSON.stringify(writeItem(item))}`;
    count += 1;
    onProgress?.(count);
  }
  yield `\n],"count":${count}}\n`;
}

/** A deletion beside a living version is left out: the file says what there is. */
function writeItem(item: VaultItem) {
  const { kind, id, updatedAt, conflict = [] } = item;
  const versions = [{ ...item, time: updatedAt }, ...conflict].filter(({ deleted }) => !deleted);
  const [first, ...siblings] = versions.map(writeVersion);
  return { kind, id, ...first, ...(siblings.length === 0 ? {} : { siblings }) };
}

function writeVersion({ value, meta, deviceId, time, error }: SiblingVersion) {
  const head = { updatedAt: time.slice(0, 24), deviceId };
  if (error !== undefined) return { ...head, error: error.code };
  return { ...head, value, ...(meta === undefined ? {} : { meta }) };
}
