/**
 * A tab may be suspended in the middle of its work, for so long that its locks run out, and go on when another one has
 * taken them. Here nobody has locks: each client that shares the store begins when it likes.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import 'fake-indexeddb/auto';
import { type Client, memoryStorage, type Storage, type StorageHandle } from '@alcove/client';
import { indexedDbStorage } from '@alcove/client/browser';
import { sqliteStorage } from '@alcove/client/node';
import { createTestClock, startTestServer, type TestServer } from '@alcove/server/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backUpForLater, operatorToken } from './operator.ts';
import { createPeople, visible } from './people.ts';

const clock = createTestClock();
let server: TestServer;
let folder: string;

beforeAll(async () => {
  server = await startTestServer({ clock, env: { ALCOVE_OPERATOR_TOKEN: operatorToken } });
  folder = await mkdtemp(join(tmpdir(), 'alcove-frozen-'));
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** Stops whoever passes it, once it is shut. */
function createGate() {
  let opening = Promise.withResolvers<void>();
  let arrival = Promise.withResolvers<void>();
  opening.resolve();
  return {
    shut() {
      opening = Promise.withResolvers();
      arrival = Promise.withResolvers();
    },
    pass(): Promise<void> {
      arrival.resolve();
      return opening.promise;
    },
    open: () => opening.resolve(),
    /** Resolves when somebody waits at it. */
    reached: () => arrival.promise,
  };
}
type Gate = ReturnType<typeof createGate>;

/** A store without locks, whose writes pass a gate. */
function lockless(storage: Storage, gate: Gate): Storage {
  const through = (handle: StorageHandle): StorageHandle => ({
    read: (key) => handle.read(key),
    scan: (prefix) => handle.scan(prefix),
    close: () => handle.close(),
    withLock: (_name, work) => work(),
    write: async (batch) => {
      await gate.pass();
      await handle.write(batch);
    },
    writeIf: async (condition, batch) => {
      await gate.pass();
      if (handle.writeIf === undefined) throw new Error('the store cannot compare');
      return handle.writeIf(condition, batch);
    },
  });
  return { open: async () => through(await storage.open()) };
}

/** A network on which answers that are meant pass a gate. */
const gatedFetch =
  (gate: Gate, isMeant: (url: string, text: string) => boolean): typeof fetch =>
  async (input, init) => {
    const response = await fetch(input, init);
    if (isMeant(String(input), await response.clone().text())) await gate.pass();
    return response;
  };
const isPull = (url: string) => url.endsWith('/sync/pull');
const isPush = (url: string) => url.endsWith('/sync/push');
const isRefresh = (url: string) => url.endsWith('/auth/refresh');
const isLogout = (url: string) => url.endsWith('/auth/logout');
const isLastPage = (url: string, text: string) => isPull(url) && text.includes('"hasMore":false');

const { open: openWith, joined } = createPeople(() => ({ url: server.url, now: () => clock.now() }));
const open = (storage: Storage, fetch = globalThis.fetch) => openWith({ storage, fetch });

const idOf = (name: string | number) => `entry-${name}`.padEnd(20, '-');
const entry = (name: string | number, value: unknown) => ({ kind: 'entry', id: idOf(name), value }) as const;

let made = 0;
const stores: [string, () => () => Storage][] = [
  ['memory', inMemory],
  ['SQLite', inSqlite],
  ['IndexedDB', inIndexedDb],
];

function inMemory() {
  const storage = memoryStorage();
  return () => storage;
}
function inSqlite() {
  const file = join(folder, `frozen-${made++}.db`);
  return () => sqliteStorage(file);
}
function inIndexedDb() {
  const name = `frozen-${made++}`;
  return () => indexedDbStorage(name);
}

describe.each(stores)('of two clients that share a store in %s without locks', (_name, newPlace) => {
  /** One that may freeze while it writes or at an answer, and one that may so at an answer. */
  async function openTwo(isMeant: typeof isLastPage = isPull) {
    const place = newPlace();
    const [writing, answering, otherAnswering] = [createGate(), createGate(), createGate()];
    const awake = await open(lockless(place(), createGate()), gatedFetch(otherAnswering, isMeant));
    await awake.register();
    await awake.vault.put(entry('first', 'first'));
    await awake.vault.sync();
    const frozen = await open(lockless(place(), writing), gatedFetch(answering, isMeant));
    return { awake, frozen, writing, answering, otherAnswering, place };
  }

  async function seenByAnother(client: Client): Promise<Record<string, unknown[]>> {
    await client.vault.sync();
    expect(await client.vault.status()).toMatchObject({ unsynced: 0, rejected: [], isCloned: false });
    const other = await joined(client);
    expect(await visible(client)).toEqual(await visible(other));
    return visible(other);
  }

  it('one that freezes before it writes an edit gives it a later number than what the other wrote', async () => {
    const { awake, frozen, writing } = await openTwo();
    writing.shut();
    const late = frozen.vault.put(entry('late', 'late'));
    await writing.reached();
    await awake.vault.put(entry('early', 'early'));
    writing.open();
    await late;
    expect(await seenByAnother(awake)).toEqual({
      [idOf('first')]: ['first'],
      [idOf('early')]: ['early'],
      [idOf('late')]: ['late'],
    });
  });

  it('one that freezes over the answer to a push ends no push that the other has begun since', async () => {
    const { awake, frozen, answering, otherAnswering, place } = await openTwo(isPush);
    await frozen.vault.put(entry('one', 'one'));
    answering.shut();
    const late = frozen.vault.sync();
    await answering.reached();
    await awake.vault.sync();
    await awake.vault.put(entry('two', 'two'));
    otherAnswering.shut();
    const later = awake.vault.sync();
    await otherAnswering.reached();
    const store = await place().open();
    const underWay = await store.read('sending');
    expect(underWay).toBeDefined();
    // It goes on, finds the other's push, and repeats it.
    answering.open();
    answering.shut();
    await answering.reached();
    expect(await store.read('sending')).toBe(underWay);
    await store.close();
    await awake.vault.put(entry('two', 'two, again'));
    otherAnswering.open();
    answering.open();
    await Promise.all([late, later]);
    expect(await seenByAnother(frozen)).toEqual({
      [idOf('first')]: ['first'],
      [idOf('one')]: ['one'],
      [idOf('two')]: ['two, again'],
    });
    expect(awake.identity?.deviceId).toBe(frozen.identity?.deviceId);
  });

  it('one that freezes over a page does not put it where the other has gone on', async () => {
    const { awake, frozen, answering, place } = await openTwo();
    const other = await joined(awake);
    await other.vault.put(entry('first', 'second'));
    await other.vault.sync();
    answering.shut();
    const late = frozen.vault.sync();
    await answering.reached();
    await other.vault.delete('entry', idOf('first'));
    await other.vault.sync();
    await awake.vault.sync();
    const store = await place().open();
    const cursor = async () => JSON.parse((await store.read('sync')) ?? '{}').cursor;
    const reached = await cursor();
    answering.open();
    expect(await late).toEqual({ pushed: 0, pulled: 0, conflicts: 0 });
    expect(await cursor()).toBe(reached);
    await store.close();
    expect(await frozen.vault.list()).toEqual([]);
  });
});

describe.each(stores)('of two clients that share a session in %s without locks', (_name, newPlace) => {
  const hourMs = 3_600_000;

  async function openTwo(isMeant: typeof isLastPage) {
    const place = newPlace();
    const answering = createGate();
    const awake = await open(lockless(place(), createGate()));
    const frozen = await open(lockless(place(), createGate()), gatedFetch(answering, isMeant));
    const read = async (key: string) => {
      const store = await place().open();
      return store.read(key).finally(() => store.close());
    };
    return { awake, frozen, answering, read };
  }

  it('one that freezes over new tokens puts them in the place of no newer ones, and goes on with those', async () => {
    const { awake, frozen, answering, read } = await openTwo(isRefresh);
    const { id } = await awake.account.startGuest();
    clock.forward(hourMs);
    answering.shut();
    const late = frozen.me();
    await answering.reached();
    for (let round = 0; round < 3; round += 1) {
      await awake.me();
      clock.forward(hourMs - 120_000);
    }
    const newest = await read('tokens');
    answering.open();
    expect((await late).account.id).toBe(id);
    expect(await read('tokens')).toBe(newest);
    clock.forward(hourMs);
    expect((await frozen.me()).account.id).toBe(id);
    expect((await awake.me()).account.id).toBe(id);
  });

  it('one that freezes over new tokens stays signed out by the other', async () => {
    const { awake, frozen, answering, read } = await openTwo(isRefresh);
    await awake.account.startGuest();
    clock.forward(hourMs);
    answering.shut();
    const late = frozen.me();
    await answering.reached();
    await awake.account.signOut();
    answering.open();
    await expect(late).rejects.toMatchObject({ code: 'auth.signed_out' });
    expect(await read('tokens')).toBeUndefined();
  });

  it('one that freezes over its sign-out leaves the account alone that the other signs in to', async () => {
    const { awake, frozen, answering } = await openTwo(isLogout);
    await frozen.account.startGuest();
    answering.shut();
    const late = frozen.account.signOut();
    await answering.reached();
    const { id } = await awake.account.startGuest();
    answering.open();
    await late;
    expect(frozen.account.current?.id).toBe(id);
    expect((await awake.me()).account.id).toBe(id);
  });

  it('one that freezes over its sign-out ends the session also in the tokens that the other has renewed', async () => {
    const { awake, frozen, answering, read } = await openTwo(isLogout);
    await frozen.register();
    answering.shut();
    const late = frozen.account.signOut();
    await answering.reached();
    // Its account has no password: it has come back by its key.
    await awake.me();
    answering.open();
    await late;
    expect(await read('tokens')).toBeUndefined();
  });

  it('one that freezes over its registration takes up the account that the other has got by then', async () => {
    const { awake, frozen, answering } = await openTwo((url) => url.endsWith('/auth/register'));
    answering.shut();
    const late = frozen.register();
    await answering.reached();
    const identity = await awake.register();
    await awake.vault.put(entry('first', 'first'));
    await awake.vault.sync();
    clock.forward(hourMs);
    await awake.vault.sync();
    answering.open();
    expect(await late).toEqual(identity);
    await frozen.vault.put(entry('second', 'second'));
    await frozen.vault.sync();
    const other = await joined(awake);
    expect(await visible(other)).toEqual({ [idOf('first')]: ['first'], [idOf('second')]: ['second'] });
  });

  it('one that freezes over its claim of a pairing keeps the tokens that the other has renewed since', async () => {
    const { awake, frozen, answering, read } = await openTwo((url) => url.endsWith('/claim'));
    const laptop = await open(memoryStorage());
    await laptop.register();
    const [early, late] = [await awake.startPairing(), await frozen.startPairing()];
    expect(late.code).toBe(early.code);
    await laptop.approvePairing(early.code);
    answering.shut();
    const claiming = late.claim();
    await answering.reached();
    const identity = await early.claim();
    clock.forward(hourMs);
    await awake.vault.sync();
    const newest = await read('tokens');
    answering.open();
    expect(await claiming).toEqual(identity);
    expect(await read('tokens')).toBe(newest);
  });

  it('one that freezes over the new tokens of a guest brings back none that the other has merged', async () => {
    const { awake, frozen, answering, read } = await openTwo(isRefresh);
    const credentials = { email: `person-${made++}@example.org`, password: 'up betimes and so to bed' };
    await (await open(memoryStorage())).account.signUp(credentials);
    await awake.account.startGuest();
    await awake.account.signIn(credentials);
    clock.forward(hourMs);
    answering.shut();
    const late = frozen.account.mergeGuest();
    await answering.reached();
    expect(await awake.account.mergeGuest()).toBeDefined();
    answering.open();
    expect(await late).toBeUndefined();
    expect(await read('guest')).toBeUndefined();
  });
});

describe('when the vault goes back in time', () => {
  it('one that freezes at the end of its resync deletes nothing of what the other, which resyncs anew, has shown', async () => {
    const storage = memoryStorage();
    const [answering, otherAnswering] = [createGate(), createGate()];
    const awake = await open(lockless(storage, createGate()), gatedFetch(otherAnswering, isLastPage));
    await awake.register();
    const names = Array.from({ length: 250 }, (_, at) => at);
    await awake.vault.putMany(names.map((name) => entry(name, name)));
    await awake.vault.sync();
    const frozen = await open(lockless(storage, createGate()), gatedFetch(answering, isLastPage));
    const restore = await backUpForLater({ url: server.url, clock, directory: folder }, awake);
    await restore();
    answering.shut();
    const late = frozen.vault.sync();
    await answering.reached();
    await restore();
    otherAnswering.shut();
    const later = awake.vault.sync();
    await otherAnswering.reached();
    answering.open();
    await late;
    otherAnswering.open();
    await later;
    expect((await awake.vault.list()).length).toBe(names.length);
    expect((await frozen.vault.list()).length).toBe(names.length);
  });
});
