/** The vault as an app uses it: always there, online or not. */
import type { Kind } from '@alcove/contract';
import type { Conflict } from './conflicts.ts';
import type { ItemInput, Resolution } from './item-input.ts';
import type { ItemRef, VaultItem } from './items.ts';
import type { SyncResult } from './sync.ts';
import type { VaultEvents } from './vault-events.ts';
import type { VaultStatus } from './vault-status.ts';

/**
 * One person's encrypted, offline vault. Get it as `client.vault`.
 *
 * Everything is written to this device first, with a sealed change in the queue, in one transaction; `sync()` brings
 * it to the other devices. Nothing of it is lost by a lost answer, a restart or a cut connection.
 */
export interface Vault {
  /**
   * Stores a new item, or a new version of one. Resolves when it is safely on this device; `sync()` sends it.
   *
   * Throws `invalid_argument` (the message names the member), `vault.item_too_large`, `identity.missing`, `storage.…`,
   * and `keys.missing` when the server shows a revocation and withholds the key from after it.
   *
   * @returns The item's id.
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.register();
   * const { id } = await client.vault.put({ kind: 'entry', value: { text: 'Up betimes.', tags: ['morning'] } });
   * await client.vault.put({ kind: 'entry', id, value: { text: 'Up betimes, and to the office.' } });
   *
   * const item = await client.vault.get('entry', id);
   * assert.deepEqual(item?.value, { text: 'Up betimes, and to the office.' });
   * assert.equal((await client.vault.status()).unsynced, 1);
   * ```
   */
  put(item: ItemInput): Promise<{ id: string }>;

  /**
   * Stores many items quickly, a hundred per transaction: for imports. When it stops half-way, what was stored stays;
   * with ids of one's own it may simply be run again. Throws as `put`.
   *
   * @param options.onProgress Called with the number of items stored so far.
   * @returns The ids, in the order of the items.
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.register();
   * function* journal() {
   *   for (let day = 1; day <= 250; day += 1) yield { kind: 'entry', value: { day } } as const;
   * }
   * const ids = await client.vault.putMany(journal(), { onProgress: (done) => assert(done <= 250) });
   * assert.equal(ids.length, 250);
   * assert.equal((await client.vault.sync()).pushed, 250);
   * ```
   */
  putMany(
    items: Iterable<ItemInput> | AsyncIterable<ItemInput>,
    options?: { onProgress?: (done: number) => void },
  ): Promise<string[]>;

  /**
   * Deletes an item, on all devices with their next sync. Deleting what is not there is fine. Throws as `put`.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.register();
   * const { id } = await client.vault.put({ kind: 'entry', value: 'not for ever' });
   * await client.vault.delete('entry', id);
   * assert.equal(await client.vault.get('entry', id), undefined);
   * ```
   */
  delete(kind: Kind, id: string, options?: { basedOn?: string }): Promise<void>;

  /**
   * Reads an item, or gives `undefined` where none lives. `conflict` holds what other devices wrote at the same time;
   * `error` says why a version does not open. Throws `identity.missing`, `storage.…`.
   *
   * @example Two devices edit at once; the user brings both together.
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * const url = 'http://127.0.0.1:8080';
   * await using laptop = await createClient({ url, storage: memoryStorage() });
   * await using phone = await createClient({ url, storage: memoryStorage() });
   * await laptop.register();
   * const pairing = await phone.startPairing();
   * await laptop.approvePairing(pairing.code);
   * await pairing.claim();
   *
   * const { id } = await laptop.vault.put({ kind: 'entry', value: 'Dined' });
   * await laptop.vault.sync();
   * await phone.vault.sync();
   * await laptop.vault.put({ kind: 'entry', id, value: 'Dined at home' });
   * await phone.vault.put({ kind: 'entry', id, value: 'Dined with Mr. Moore' });
   * await laptop.vault.sync();
   * await phone.vault.sync();
   *
   * const item = await phone.vault.get('entry', id);
   * assert.equal(item?.conflict?.length, 1);
   * await phone.vault.put({ kind: 'entry', id, value: 'Dined at home with Mr. Moore' });
   * await phone.vault.sync();
   * await laptop.vault.sync();
   * const merged = await laptop.vault.get('entry', id);
   * assert.equal(merged?.value, 'Dined at home with Mr. Moore');
   * assert.equal(merged?.conflict, undefined);
   * ```
   */
  get(kind: Kind, id: string): Promise<VaultItem | undefined>;

  /**
   * Reads all living items, or those of one kind, by kind and id. Throws `identity.missing`, `storage.…`.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.register();
   * await client.vault.put({ kind: 'entry', value: 'an entry' });
   * await client.vault.put({ kind: 'tag', value: 'a tag' });
   * assert.deepEqual((await client.vault.list('tag')).map(({ value }) => value), ['a tag']);
   * assert.equal((await client.vault.list()).length, 2);
   * ```
   */
  list(kind?: Kind): Promise<VaultItem[]>;

  /**
   * Reads several items at once, `undefined` where none lives. For programs such as imports: unlike `get` and `list` it
   * does not count as having shown siblings to anyone, so a later `put` does not supersede them.
   */
  getMany(refs: readonly ItemRef[]): Promise<(VaultItem | undefined)[]>;

  /**
   * An id that follows from a name: the same on all devices of the account, so that what is made twice is one item. The
   * server sees the id and cannot tell the name, nor try one.
   *
   * Throws `identity.missing`, `keys.waiting`, `keys.missing`, `storage.…`.
   *
   * @example A label that two devices give an entry is one label.
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.register();
   * const { id: entryId } = await client.vault.put({ kind: 'entry', value: 'Up betimes.' });
   * const id = await client.vault.deriveId(`label ${entryId} morning`);
   * await client.vault.put({ kind: 'tag', id, value: 'morning', meta: { entryId } });
   * assert.equal(await client.vault.deriveId(`label ${entryId} morning`), id);
   * ```
   */
  deriveId(name: string): Promise<string>;

  /**
   * Reads all living items, or those of one kind, by kind and id, a part at a time: for exports and searches over large
   * vaults. Like `getMany` it shows nothing to anyone. What changes meanwhile may come as it was or as it is.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.register();
   * const ids = await client.vault.putMany(['one', 'two'].map((value) => ({ kind: 'entry', value }) as const));
   * const values = [];
   * for await (const { value } of client.vault.each('entry')) values.push(value);
   * assert.deepEqual(values.sort(), ['one', 'two']);
   * const refs = ids.map((id) => ({ kind: 'entry', id }) as const);
   * assert.equal((await client.vault.getMany(refs)).length, 2);
   * ```
   */
  each(kind?: Kind): AsyncIterable<VaultItem>;

  /**
   * The entries that several devices changed at once and that nobody has resolved, with everything they wrote. Works
   * offline. Versions that say the same are no conflict: every device joins them by itself.
   *
   * Throws `identity.missing`, `storage.…`.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage, mergeFields } from '@alcove/client';
   *
   * const url = 'http://127.0.0.1:8080';
   * await using laptop = await createClient({ url, storage: memoryStorage() });
   * await using phone = await createClient({ url, storage: memoryStorage() });
   * await laptop.register();
   * const pairing = await phone.startPairing();
   * await laptop.approvePairing(pairing.code);
   * await pairing.claim();
   *
   * const { id } = await laptop.vault.put({ kind: 'entry', value: { title: 'Monday', text: 'Dined.' } });
   * await laptop.vault.sync();
   * await phone.vault.sync();
   * await laptop.vault.put({ kind: 'entry', id, value: { title: 'A wet Monday', text: 'Dined.' } });
   * await phone.vault.put({ kind: 'entry', id, value: { title: 'Monday', text: 'Dined with Mr. Moore.' } });
   * await laptop.vault.sync();
   * await phone.vault.sync();
   *
   * for (const conflict of await phone.vault.conflicts()) {
   *   const merged = mergeFields(conflict);
   *   assert.deepEqual(merged.clashes, []); // else show conflict.mine and conflict.theirs to the user
   *   await phone.vault.resolve(conflict, merged);
   * }
   * const item = await phone.vault.get('entry', id);
   * assert.deepEqual(item?.value, { title: 'A wet Monday', text: 'Dined with Mr. Moore.' });
   * assert.deepEqual(await phone.vault.conflicts(), []);
   * ```
   */
  conflicts(): Promise<Conflict[]>;

  /**
   * Ends a conflict, on all devices with their next sync. It supersedes exactly the versions that `conflict` showed: one
   * that came since stands beside the resolution. Two devices that resolve alike are no new conflict. Throws as `put`.
   *
   * It is also what ends a version that does not open (`error`), of any kind of item, by the item's `version`. Let a person decide
   * that: what such a version says to have seen is the server's word, and is superseded on all devices.
   *
   * @param resolution One of the versions, `{ value }` of one's own, or `null` to delete the item.
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * const url = 'http://127.0.0.1:8080';
   * await using laptop = await createClient({ url, storage: memoryStorage() });
   * await using phone = await createClient({ url, storage: memoryStorage() });
   * await laptop.register();
   * const pairing = await phone.startPairing();
   * await laptop.approvePairing(pairing.code);
   * await pairing.claim();
   *
   * phone.vault.on('conflict', async (conflict) => {
   *   const [first = conflict.mine] = conflict.theirs;
   *   await phone.vault.resolve(conflict, first); // the other device is always right
   * });
   * const id = 'the-shopping-list';
   * await laptop.vault.put({ kind: 'entry', id, value: 'Oysters' });
   * await phone.vault.put({ kind: 'entry', id, value: 'A barrel of oysters' });
   * await laptop.vault.sync();
   * await phone.vault.sync();
   * await phone.vault.sync();
   * await laptop.vault.sync();
   * const item = await laptop.vault.get('entry', id);
   * assert.equal(item?.value, 'Oysters');
   * assert.equal(item?.conflict, undefined);
   * ```
   */
  resolve(conflict: Pick<Conflict, 'kind' | 'id' | 'version'>, resolution: Resolution): Promise<void>;

  /**
   * Calls `listener` from now on: `change` for every changed item, `conflict` when two devices' versions of an entry
   * stand side by side, with all of them, `status` when a sync begins or ends and after every local write, `clock` when
   * this device's clock turned out to be more than five minutes wrong, and when it is right again.
   *
   * @returns A function that ends it.
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.register();
   * const seen: string[] = [];
   * const stop = client.vault.on('change', ({ id, origin }) => seen.push(`${origin} ${id}`));
   * const { id } = await client.vault.put({ kind: 'entry', value: 'news' });
   * stop();
   * await client.vault.put({ kind: 'entry', value: 'unheard' });
   * assert.deepEqual(seen, [`local ${id}`]);
   * ```
   */
  on<Name extends keyof VaultEvents>(name: Name, listener: (event: VaultEvents[Name]) => void): () => void;

  /**
   * Sends what waits and receives what is new. Calls while one runs share it. A failed sync loses nothing; call it
   * again. Passing faults are tried again a few times first, with pauses as the server asks.
   *
   * Throws `network`, `timeout`, `aborted`, `auth.signed_out`, `keys.untrusted`, or what the
   * server answers. Single refused changes are no error: see `status().rejected`.
   *
   * @param options.signal Ends the waiting. What is under way goes on in the background, which is always safe.
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.register();
   * await client.vault.put({ kind: 'entry', value: 'To my office.' });
   * const result = await client.vault.sync({ signal: AbortSignal.timeout(20_000) });
   * assert.deepEqual(result, { pushed: 1, pulled: 0, conflicts: 0 });
   * ```
   */
  sync(options?: { signal?: AbortSignal }): Promise<SyncResult>;

  /**
   * Syncs by itself until stopped or closed: as soon as this or another device has written something, and about every
   * `intervalMs` (default 30,000; ten times as long while the live channel stands). After failures it waits, up to five
   * minutes, or until there is a network again. Failures show in `status`, and as `status` events.
   *
   * Every tab may start it: one of them syncs for all, and when it is closed another one goes on.
   *
   * @param options.live `false` to hear of other devices only by asking.
   * @returns A function that stops it.
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.register();
   * const stop = client.vault.startAutoSync();
   * await client.vault.put({ kind: 'entry', value: 'sent by itself' });
   * await new Promise<void>((resolve) => {
   *   client.vault.on('status', ({ unsynced }) => unsynced === 0 && resolve());
   * });
   * stop();
   * assert.equal((await client.vault.status()).unsynced, 0);
   * ```
   */
  startAutoSync(options?: { intervalMs?: number; live?: boolean }): () => void;

  /**
   * Says how the vault stands, for showing it to people.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.register();
   * await client.vault.put({ kind: 'entry', value: 'offline' });
   * assert.equal((await client.vault.status()).unsynced, 1);
   * await client.vault.sync();
   * const { unsynced, lastSyncedAt, clockSkewMs = 0 } = await client.vault.status();
   * assert.equal(unsynced, 0);
   * assert(lastSyncedAt !== undefined && Math.abs(clockSkewMs) < 60_000);
   * ```
   */
  status(): Promise<VaultStatus>;
}
