/** The vault as an app uses it: always there, online or not. */
import type { Kind, Meta } from '@alcove/contract';
import { type AutoSyncParts, createAutoSync } from './auto-sync.ts';
import { aborted } from './backoff.ts';
import type { Conflict } from './conflicts.ts';
import type { Edit } from './edits.ts';
import { AlcoveError } from './errors.ts';
import { type ItemRef, itemKey, type VaultItem } from './items.ts';
import type { LiveChannel, LiveState } from './live.ts';
import { itemId, requireMeta } from './meta.ts';
import type { SyncEngine, SyncResult } from './sync.ts';
import type { TabMessage, Tabs, ToldChange } from './tabs.ts';
import type { ItemChange, VaultStore } from './vault-store.ts';

const putManyChunk = 100;
/** What the server tolerates of a clock that runs ahead. */
const skewMsMax = 5 * 60_000;
const statusEveryMs = 100;
const kinds: readonly string[] = ['entry', 'memory', 'tag'] satisfies Kind[];

/** What `put` takes. */
export interface ItemInput {
  readonly kind: Kind;
  /** 16 to 64 characters of `A-Z a-z 0-9 _ -`; a UUID is made when it is left out. The server sees it. */
  readonly id?: string;
  /** Any JSON value. Only devices of the account can read it. */
  readonly value: unknown;
  /** Plain metadata that the server may see, for memories and tags. It is not authenticated. */
  readonly meta?: Meta;
  /**
   * `version` of the item as the app showed it when the user began to edit. With it, an edit that a sync brought
   * meanwhile becomes a conflict; without it the put supersedes whatever leads at this moment.
   */
  readonly basedOn?: string;
}

/** An item changed: by this app (`local`) or through a sync (`remote`). Read it with `get`. */
export interface VaultChange extends ItemRef {
  readonly origin: 'local' | 'remote';
}

/**
 * What a conflict ends with: one of its versions, a merged value, or `null` for deleting the item. What `mergeFields`
 * gives is one, too.
 */
export type Resolution = { readonly value: unknown; readonly deleted?: boolean } | null;

/** How the vault stands. */
export interface VaultStatus {
  /** End of the last whole sync, RFC 3339 UTC, by this device's clock. */
  readonly lastSyncedAt?: string;
  readonly isSyncing: boolean;
  /** Items with changes that the server has not confirmed. */
  readonly unsynced: number;
  /** Those of them that the server refused the last time, with its reason. They stay, and are tried again. */
  readonly rejected: readonly (ItemRef & { readonly code: string; readonly detail: string })[];
  /** By how many milliseconds this device's clock runs ahead of the server's (negative: behind), as last measured. */
  readonly clockSkewMs?: number;
  /** True when that is more than five minutes: the times of edits are wrong, and who edited last may be misjudged. */
  readonly clockIsWrong: boolean;
  /** True while this store, which turned out to be a copy of another one, becomes a device of its own: a sync does it. */
  readonly isCloned: boolean;
  /**
   * Whether news of other devices come by themselves: `off` without `startAutoSync`, and while no such connection can be
   * made, when it asks from time to time instead.
   */
  readonly live: LiveState;
  /** Why the last sync failed. */
  readonly lastError?: AlcoveError;
}

/** What `on` tells about. */
export interface VaultEvents {
  readonly change: VaultChange;
  readonly conflict: Conflict;
  readonly status: VaultStatus;
  /** This device's clock turned out to be wrong, or is right again. */
  readonly clock: { readonly isWrong: boolean; readonly skewMs: number };
}

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

export interface VaultParts {
  readonly store: VaultStore;
  readonly createEngine: (onPulled: (changed: readonly ItemChange[]) => void) => SyncEngine;
  readonly channel: LiveChannel;
  readonly joinTabs: (onMessage: (message: TabMessage) => void) => Tabs;
  readonly lead: AutoSyncParts['lead'];
  readonly random: () => number;
  readonly closed: AbortSignal;
}

/** The vault, and a way to wait until nothing of it is under way. */
export function createVault({ store, createEngine, channel, joinTabs, lead, random, closed }: VaultParts): {
  vault: Vault;
  idle: () => Promise<void>;
} {
  const { on, emit, isHeard } = createEvents();
  const engine = createEngine((changed) => announce(changed, 'remote'));
  let running: Promise<SyncResult> | undefined;
  let lastError: AlcoveError | undefined;
  let live: LiveState = 'off';
  let isStatusDue = false;
  const tabs = joinTabs(hearTab);
  closed.addEventListener('abort', tabs.close, { once: true });
  const autoSync = createAutoSync({
    sync,
    isAt: async (cursor) => (await store.readSync()).cursor === cursor,
    doubtKeys: engine.doubtKeys,
    channel,
    onState(state) {
      live = state;
      void announceStatus();
    },
    lead,
    random,
  });

  function tell(message: TabMessage): void {
    if (!closed.aborted) tabs.post(message);
  }

  /** What another tab did counts as done by this app. */
  function hearTab(message: TabMessage): void {
    if (message.type === 'hello') return void (autoSync.isLeading() && announceStatus());
    if (message.type === 'changes') return void repeatChanges(message.changes);
    live = message.live ?? live;
    lastError = message.error && new AlcoveError(message.error.code, message.error.message);
    emitStatusSoon();
  }

  async function repeatChanges(changes: readonly ToldChange[]): Promise<void> {
    for (const { kind, id, origin } of changes) emit('change', { kind, id, origin });
    emitStatusSoon();
    if (changes.some(({ origin }) => origin === 'local')) autoSync.noticeEdit();
    const inConflict = new Set(changes.filter(({ isConflict }) => isConflict).map(itemKey));
    if (inConflict.size === 0 || !isHeard('conflict') || closed.aborted) return;
    const conflicts = await store.conflicts();
    for (const conflict of conflicts) if (inConflict.has(itemKey(conflict))) emit('conflict', conflict);
  }

  function announce(changed: readonly ItemChange[], origin: 'local' | 'remote') {
    for (const { kind, id, newConflict } of changed) {
      emit('change', { kind, id, origin });
      if (newConflict !== undefined) emit('conflict', newConflict);
    }
    if (changed.length > 0)
      tell({ type: 'changes', changes: changed.map((change) => toTold(change, origin)) });
    if (origin === 'local') autoSync.noticeEdit();
  }

  async function status(): Promise<VaultStatus> {
    const { lastSyncedAt, clockSkewMs, cloned = false } = await store.readSync();
    const queue = await store.queue();
    const resends = await store.resends();
    const waiting = [...queue, ...resends.map(({ change, ...resend }) => ({ ...change, ...resend }))];
    return {
      isSyncing: running !== undefined,
      unsynced: new Set(waiting.map(itemKey)).size,
      rejected: waiting.flatMap(({ kind, id, rejected }) => (rejected ? [{ kind, id, ...rejected }] : [])),
      isCloned: cloned,
      clockIsWrong: isFarOff(clockSkewMs),
      live,
      ...(lastSyncedAt === undefined ? {} : { lastSyncedAt }),
      ...(clockSkewMs === undefined ? {} : { clockSkewMs }),
      ...(lastError === undefined ? {} : { lastError }),
    };
  }

  /** Counting the queue for nobody would make long imports slow. */
  async function emitStatus(): Promise<void> {
    if (isHeard('status') && !closed.aborted) emit('status', await status());
  }

  /** Another tab may do much in a moment, and each time the queue is counted anew. */
  function emitStatusSoon(): void {
    if (isStatusDue) return;
    isStatusDue = true;
    setTimeout(() => {
      isStatusDue = false;
      void emitStatus();
    }, statusEveryMs);
  }

  async function announceStatus(): Promise<void> {
    const error = lastError && { code: lastError.code, message: lastError.message };
    const known = autoSync.isLeading() ? { live } : {};
    tell({ type: 'status', ...known, ...(error === undefined ? {} : { error }) });
    await emitStatus();
  }

  async function write(edits: readonly Edit[]): Promise<void> {
    announce(await store.write(edits), 'local');
    await emitStatus();
  }

  async function runSync(): Promise<SyncResult> {
    const { clockSkewMs: before } = await store.readSync();
    try {
      const result = await engine.run();
      lastError = undefined;
      return result;
    } catch (error) {
      if (error instanceof AlcoveError) lastError = error;
      throw error;
    } finally {
      if (!closed.aborted) announceClock(before, (await store.readSync()).clockSkewMs);
    }
  }

  function announceClock(before: number | undefined, skewMs: number | undefined): void {
    const isWrong = isFarOff(skewMs);
    if (skewMs !== undefined && isWrong !== isFarOff(before)) emit('clock', { isWrong, skewMs });
  }

  /** One sync at a time. A caller's signal ends its own waiting only, for others may wait for the same sync. */
  function sync({ signal }: { signal?: AbortSignal } = {}): Promise<SyncResult> {
    if (running === undefined) {
      running = runSync().finally(() => {
        running = undefined;
        return announceStatus();
      });
      void announceStatus();
    }
    return signal === undefined ? running : untilAborted(running, signal);
  }

  tell({ type: 'hello' });

  const vault: Vault = {
    on,
    sync,
    status,
    async put(item) {
      const edit = toEdit(item);
      await write([edit]);
      return { id: edit.id };
    },
    async putMany(items, { onProgress } = {}) {
      const ids: string[] = [];
      for await (const chunk of inChunks(items)) {
        await write(chunk);
        ids.push(...chunk.map(({ id }) => id));
        onProgress?.(ids.length);
      }
      return ids;
    },
    async delete(kind, id, { basedOn } = {}) {
      requireRef(kind, id);
      await write([{ kind, id, ...(basedOn === undefined ? {} : { basedOn }) }]);
    },
    getMany: (refs) => store.findMany(refs),
    deriveId: (name) => store.deriveId(name),
    each: (kind) => store.each(kind),
    conflicts: () => store.conflicts(),
    async resolve({ kind, id, version }, resolution) {
      await write([toEnd({ kind, id, basedOn: version }, resolution)]);
    },
    get: (kind, id) => store.find(kind, id),
    list: (kind) => store.list(kind),
    startAutoSync({ intervalMs = 30_000, live = true } = {}) {
      const stop = new AbortController();
      const stopped = AbortSignal.any([stop.signal, closed]);
      // It ends by being aborted, and that is no failure.
      autoSync.run({ intervalMs, live }, stopped).catch(() => undefined);
      return () => stop.abort();
    },
  };
  return {
    vault,
    idle: async () => {
      await running?.catch(() => undefined);
      await store.idle();
    },
  };
}

function toEdit({ kind, id = crypto.randomUUID(), value, meta, basedOn }: ItemInput): Edit {
  requireRef(kind, id);
  return {
    kind,
    id,
    text: toJson(value),
    ...(meta === undefined ? {} : { meta: toKnownMeta(kind, meta) }),
    ...(basedOn === undefined ? {} : { basedOn }),
  };
}

/** The edit that ends a conflict. */
function toEnd(place: ItemRef & { basedOn: string }, resolution: Resolution): Edit {
  if (resolution !== null && resolution.deleted !== true)
    return toEdit({ ...place, value: resolution.value });
  requireRef(place.kind, place.id);
  return place;
}

function requireRef(kind: string, id: string): void {
  if (!kinds.includes(kind)) throw invalid(`kind is entry, memory or tag; ${kind} came`);
  if (!itemId.test(id)) throw invalid('id has 16 to 64 characters of A-Z a-z 0-9 _ -');
}

/** A copy, so that the caller may go on changing what was handed over. */
function toKnownMeta(kind: Kind, meta: Meta): Meta {
  requireMeta(kind, meta);
  return structuredClone(meta);
}

function toJson(value: unknown): string {
  try {
    const text: string | undefined = JSON.stringify(value);
    if (text !== undefined) return text;
  } catch (cause) {
    throw invalid('value cannot be written as JSON', cause);
  }
  throw invalid('value cannot be written as JSON');
}

async function* inChunks(items: Iterable<ItemInput> | AsyncIterable<ItemInput>): AsyncGenerator<Edit[]> {
  let chunk: Edit[] = [];
  for await (const item of items) {
    chunk.push(toEdit(item));
    if (chunk.length < putManyChunk) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

function toTold({ kind, id, newConflict }: ItemChange, origin: 'local' | 'remote'): ToldChange {
  return { kind, id, origin, isConflict: newConflict !== undefined };
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(aborted(signal.reason));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function isFarOff(clockSkewMs = 0): boolean {
  return Math.abs(clockSkewMs) > skewMsMax;
}

type Listeners = { readonly [Name in keyof VaultEvents]: Set<(event: VaultEvents[Name]) => void> };

function createEvents() {
  const listeners: Listeners = {
    change: new Set(),
    conflict: new Set(),
    status: new Set(),
    clock: new Set(),
  };
  return {
    on<Name extends keyof VaultEvents>(name: Name, listener: (event: VaultEvents[Name]) => void): () => void {
      const own = listeners[name];
      own.add(listener);
      return () => void own.delete(listener);
    },
    emit<Name extends keyof VaultEvents>(name: Name, event: VaultEvents[Name]): void {
      for (const listener of listeners[name]) callSafely(listener, event);
    },
    isHeard: (name: keyof VaultEvents) => listeners[name].size > 0,
  };
}

/** A listener that throws must not end a sync; its error surfaces as an uncaught one, as with DOM events. */
function callSafely<T>(listener: (event: T) => void, event: T): void {
  try {
    listener(event);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

function invalid(reason: string, cause?: unknown): AlcoveError {
  return new AlcoveError('invalid_argument', `${reason}.`, { cause });
}
