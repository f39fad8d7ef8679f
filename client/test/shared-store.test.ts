/** Several tabs, or processes, that have one store open: one device with one session. */
import 'fake-indexeddb/auto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, memoryStorage, type Storage } from '@alcove/client';
import { indexedDbStorage } from '@alcove/client/browser';
import { sqliteStorage } from '@alcove/client/node';
import { createTestClock, startTestServer, type TestServer } from '@alcove/server/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPeople } from './people.ts';

const hourMs = 3_600_000;
const clock = createTestClock();
let server: TestServer;
let folder: string;
let made = 0;

beforeAll(async () => {
  server = await startTestServer({ clock });
  folder = await mkdtemp(join(tmpdir(), 'alcove-tabs-'));
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const { open } = createPeople(() => ({ url: server.url, now: () => clock.now() }));

/** The requests for new tokens that really went out. */
const refreshes = vi.fn();
const countingFetch: typeof fetch = (input, init) => {
  if (String(input).endsWith('/auth/refresh')) refreshes();
  return fetch(input, init);
};

/** One way of a store, as each tab or process opens it for itself. */
type Place = () => Storage;

const places: [string, () => Place][] = [
  ['IndexedDB', inIndexedDb],
  ['IndexedDB without Web Locks', inIndexedDb],
  ['SQLite', inSqlite],
  ['memory', inMemory],
];

function inIndexedDb(): Place {
  const name = `tabs-${made++}`;
  return () => indexedDbStorage(name);
}

function inSqlite(): Place {
  const file = join(folder, `tabs-${made++}.db`);
  return () => sqliteStorage(file);
}

function inMemory(): Place {
  const storage = memoryStorage();
  return () => storage;
}

describe.each(places)('two clients on one store in %s', (name, newPlace) => {
  beforeEach(() => {
    if (name.endsWith('without Web Locks')) vi.stubGlobal('navigator', {});
    refreshes.mockClear();
  });
  afterEach(() => vi.unstubAllGlobals());

  async function openTwo(): Promise<[Client, Client]> {
    const place = newPlace();
    const openOne = () => open({ storage: place(), fetch: countingFetch });
    return [await openOne(), await openOne()];
  }

  it.each([
    ['an account', (client: Client) => client.account.startGuest()],
    ['a device', (client: Client) => client.register()],
  ])('share each refresh of the tokens of %s, fifty times over', async (_what, join) => {
    const [one, other] = await openTwo();
    await join(one);
    for (let round = 1; round <= 50; round += 1) {
      clock.forward(hourMs);
      const answers = await Promise.all([one.me(), other.me(), one.me(), other.me()]);
      expect(new Set(answers.map(({ account }) => account.id)).size).toBe(1);
      expect(refreshes).toHaveBeenCalledTimes(round);
    }
  });

  it('make one account when both register at once', async () => {
    const [one, other] = await openTwo();
    const [first, second] = await Promise.all([one.register(), other.register()]);
    expect(second).toEqual(first);
  });

  it('keep every edit of both, and send each once', async () => {
    const [one, other] = await openTwo();
    await one.register();
    const puts = Array.from({ length: 20 }, (_, at) =>
      (at % 2 === 0 ? one : other).vault.put({ kind: 'entry', value: at }),
    );
    await Promise.all(puts);
    expect((await one.vault.status()).unsynced).toBe(20);
    expect((await other.vault.list()).map(({ value }) => value).sort()).toEqual(
      Array.from({ length: 20 }, (_, at) => at).sort(),
    );
    const results = await Promise.all([one.vault.sync(), other.vault.sync()]);
    expect(results.reduce((sum, { pushed }) => sum + pushed, 0)).toBe(20);
    expect(await other.vault.status()).toMatchObject({ unsynced: 0, isCloned: false });
    expect(await one.vault.status()).toMatchObject({ unsynced: 0, isCloned: false });
  });

  it('are both signed out by the sign-out of one, also while the other refreshes', async () => {
    const [one, other] = await openTwo();
    await one.account.startGuest();
    clock.forward(hourMs);
    await Promise.allSettled([other.me(), one.account.signOut()]);
    await expect(other.me()).rejects.toMatchObject({ code: 'auth.signed_out' });
    await expect(one.me()).rejects.toMatchObject({ code: 'auth.signed_out' });
  });
});

it('while one tab signs out, another one does not come back by the key of the device', async () => {
  const storage = memoryStorage();
  const [answered, asked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const slow = await open({
    storage,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      if (!String(input).endsWith('/auth/logout')) return response;
      answered.resolve();
      await asked.promise;
      return response;
    },
  });
  const other = await open({ storage: tellingOfLocks(storage, asked.resolve) });
  await slow.register();
  const leaving = slow.account.signOut();
  await answered.promise;
  await expect(other.me()).rejects.toMatchObject({ code: 'auth.signed_out' });
  await leaving;
  await slow.account.resume();
  expect(await slow.sessions.list()).toMatchObject([{ current: true }]);
});

/** A store that tells when somebody wants to change its session. */
function tellingOfLocks(storage: Storage, onAsked: () => void): Storage {
  return {
    async open() {
      const handle = await storage.open();
      return {
        ...handle,
        withLock: (name, work, signal) => {
          if (name === 'session') onAsked();
          return handle.withLock?.(name, work, signal) ?? work();
        },
      };
    },
  };
}

it('a call that was begun as one account never goes on as another that signed in meanwhile', async () => {
  const storage = memoryStorage();
  const bystander = await open({ storage, now: () => clock.now() });
  let isFirst = true;
  const delayed = await open({
    storage,
    now: () => clock.now(),
    fetch: async (url, init) => {
      if (isFirst && init?.method === 'POST') {
        isFirst = false;
        await bystander.account.signOut();
        await bystander.account.startGuest();
      }
      return fetch(url, init);
    },
  });
  await bystander.account.startGuest();
  const creating = delayed.workspaces.create({ name: 'For the first one only' });
  await expect(creating).rejects.toMatchObject({ code: 'auth.signed_out' });
  expect((await bystander.workspaces.list()).map(({ name }) => name)).not.toContain('For the first one only');
});
