/** The vault against a real server: conflicts, refusals, sessions that end, stores that were copied. */
import { memoryStorage } from '@alcove/client';
import { createTestClock, startTestServer, type TestServer } from '@alcove/server/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { faultyFetch, lyingFetch } from './faults.ts';
import { createPeople, syncAll, visible } from './people.ts';

const clock = createTestClock();
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterAll(async () => {
  await server.close();
});

const { open, registered, joined } = createPeople(() => ({ url: server.url, now: () => clock.now() }));

const id = 'entry-number-one-';
const entry = (value: unknown) => ({ kind: 'entry', id, value }) as const;

describe('two edits at once', () => {
  it('are both kept, announced on both devices, and settled by the next put', async () => {
    const laptop = await registered();
    const phone = await joined(laptop);
    await laptop.vault.put(entry('base'));
    await syncAll(laptop, phone);
    const heard: string[] = [];
    laptop.vault.on('conflict', () => heard.push('laptop'));
    phone.vault.on('conflict', () => heard.push('phone'));
    await laptop.vault.put(entry('laptop'));
    await phone.vault.put(entry('phone'));
    await laptop.vault.sync();
    expect(await phone.vault.sync()).toEqual({ pushed: 1, pulled: 1, conflicts: 1 });
    await laptop.vault.sync();
    expect(await visible(laptop)).toEqual({ [id]: ['laptop', 'phone'] });
    expect(await visible(phone)).toEqual({ [id]: ['laptop', 'phone'] });
    expect(heard.sort()).toEqual(['laptop', 'phone']);
    await laptop.vault.get('entry', id);
    await laptop.vault.put(entry('settled'));
    await syncAll(laptop, phone);
    expect(await visible(phone)).toEqual({ [id]: ['settled'] });
  });

  it('stay two when the second edit was made without having seen the first', async () => {
    const laptop = await registered();
    const phone = await joined(laptop);
    await laptop.vault.put(entry('base'));
    await syncAll(laptop, phone);
    const inEditor = await phone.vault.get('entry', id);
    await laptop.vault.put(entry('laptop'));
    // A sync in the background, while the phone's user types.
    await syncAll(laptop, phone);
    await phone.vault.put({ ...entry('phone'), basedOn: inEditor?.version ?? '' });
    await syncAll(phone, laptop);
    expect(await visible(laptop)).toEqual({ [id]: ['laptop', 'phone'] });
  });

  it('stay two when the own edit goes on over a conflict that nobody looked at', async () => {
    const laptop = await registered();
    const phone = await joined(laptop);
    await laptop.vault.put(entry('laptop'));
    await laptop.vault.sync();
    await phone.vault.put(entry('pho'));
    await phone.vault.sync();
    await phone.vault.put(entry('phone'));
    await syncAll(phone, laptop);
    const shown = (await visible(laptop))[id];
    expect(shown).toContain('phone');
    expect(shown).toHaveLength(2);
  });

  it('one of them a deletion, keep the other', async () => {
    const laptop = await registered();
    const phone = await joined(laptop);
    await laptop.vault.put(entry('base'));
    await syncAll(laptop, phone);
    await laptop.vault.delete('entry', id);
    await phone.vault.put(entry('rescued'));
    await syncAll(laptop, phone, laptop);
    expect(await visible(laptop)).toEqual({ [id]: ['rescued'] });
    expect(await visible(phone)).toEqual({ [id]: ['rescued'] });
    await phone.vault.get('entry', id);
    await phone.vault.delete('entry', id);
    await syncAll(phone, laptop);
    expect(await visible(laptop)).toEqual({});
    await laptop.vault.put(entry('back again'));
    await syncAll(laptop, phone);
    expect(await visible(phone)).toEqual({ [id]: ['back again'] });
  });
});

describe('what cannot be stored', () => {
  it.each([
    [{ kind: 'entry', id: 'short', value: 1 }, 'invalid_argument'],
    [{ kind: 'entry', id: 'sixteen/letters/', value: 1 }, 'invalid_argument'],
    [{ kind: 'entry', value: undefined }, 'invalid_argument'],
    [{ kind: 'entry', value: () => 1 }, 'invalid_argument'],
    [{ kind: 'entry', value: 10n }, 'invalid_argument'],
    [{ kind: 'entry', id, value: 1, basedOn: 'yesterday' }, 'invalid_argument'],
    [{ kind: 'entry', value: 'x'.repeat(500_000) }, 'vault.item_too_large'],
  ] as const)('%o is refused with %s, and leaves nothing behind', async (item, code) => {
    const client = await registered();
    await expect(client.vault.put(item)).rejects.toMatchObject({ code });
    expect(await client.vault.list()).toEqual([]);
    expect(await client.vault.status()).toMatchObject({ unsynced: 0 });
  });

  it('fails before there is an account', async () => {
    const client = await open();
    await expect(client.vault.put(entry(1))).rejects.toMatchObject({ code: 'identity.missing' });
    await expect(client.vault.sync()).rejects.toMatchObject({ code: 'identity.missing' });
    expect(await client.vault.status()).toMatchObject({ unsynced: 0 });
  });

  it('does not hold up the rest when the server refuses it', async () => {
    // As an older SDK could send it, which knows fewer rules than the server.
    const outdated: typeof fetch = (input, init) =>
      fetch(input, { ...init, body: String(init?.body).replace('"confidence":0.5', '"confidence":5') });
    const client = await registered({
      fetch: (input, init) => (String(input).endsWith('/sync/push') ? outdated : fetch)(input, init),
    });
    const meta = { confidence: 0.5 };
    await client.vault.put({ kind: 'tag', id: 'tag-the-server-refuses', value: 'tag', meta });
    await client.vault.put(entry('fine'));
    expect(await client.vault.sync()).toMatchObject({ pushed: 1 });
    const { unsynced, rejected } = await client.vault.status();
    expect(unsynced).toBe(1);
    expect(rejected).toMatchObject([
      { kind: 'tag', id: 'tag-the-server-refuses', code: 'sync.invalid_change' },
    ]);
    await client.vault.put({ kind: 'tag', id: 'tag-the-server-refuses', value: 'tag' });
    await client.vault.sync();
    expect(await client.vault.status()).toMatchObject({ unsynced: 0, rejected: [] });
  });
});

describe('a version that does not open here', () => {
  const damaging = () =>
    lyingFetch('POST', /sync\/pull$/, (answer) => ({
      ...answer,
      changes: Array.from(Object(answer.changes), (change) => ({ ...Object(change), payload: 'AQAA' })),
    }));

  it('is not written over by an app that has not seen it', async () => {
    const laptop = await registered();
    await laptop.vault.put(entry('readable elsewhere'));
    await laptop.vault.sync();
    const phone = await joined(laptop, { fetch: damaging() });
    await phone.vault.put(entry('blind'));
    await syncAll(phone, laptop);
    expect(await visible(laptop)).toEqual({ [id]: ['blind', 'readable elsewhere'] });
  });

  it('gives way to a decision, and not to an edit that was made on what is shown', async () => {
    const laptop = await registered();
    await laptop.vault.put(entry('readable elsewhere'));
    await laptop.vault.sync();
    const phone = await joined(laptop, { fetch: damaging() });
    const { version = '', error } = (await phone.vault.get('entry', id)) ?? {};
    expect(error).toMatchObject({ code: 'vault.unreadable' });
    await phone.vault.put({ ...entry('written anew'), basedOn: version });
    await syncAll(phone, laptop);
    expect(await visible(laptop)).toEqual({ [id]: ['readable elsewhere', 'written anew'] });
    await phone.vault.resolve({ kind: 'entry', id, version }, { value: 'decided' });
    await syncAll(phone, laptop);
    expect(await visible(laptop)).toEqual({ [id]: ['decided'] });
  });
});

describe('the queue', () => {
  it('holds one change for an item, the newest, also after a restart', async () => {
    const storage = memoryStorage();
    const before = await registered({ storage });
    for (const letter of 'typing') await before.vault.put(entry(letter));
    await before.vault.putMany([entry('pasted'), entry('twice'), entry('thrice')]);
    await before.close();
    const client = await open({ storage });
    expect(await client.vault.status()).toMatchObject({ unsynced: 1 });
    expect(await client.vault.sync()).toEqual({ pushed: 1, pulled: 0, conflicts: 0 });
    expect(await visible(await joined(client))).toEqual({ [id]: ['thrice'] });
  });
});

describe('a large import', () => {
  it('travels in parts that the server takes, and arrives whole and in both directions', async () => {
    const laptop = await registered();
    const items = Array.from({ length: 1203 }, (_, at) => ({
      kind: 'entry' as const,
      id: `imported-entry-${at}`.padEnd(20, '_'),
      value: { at, text: 'x'.repeat(at % 7 === 0 ? 20_000 : 300) },
    }));
    await laptop.vault.putMany(items);
    const sizes: number[] = [];
    const counted = await laptop.vault.sync();
    expect(counted.pushed).toBe(1203);
    const phone = await joined(laptop, {
      fetch: (input, init) => {
        sizes.push(String(init?.body ?? '').length);
        return fetch(input, init);
      },
    });
    const pulled = await phone.vault.list('entry');
    expect(new Map(pulled.map((item) => [item.id, item.value]))).toEqual(
      new Map(items.map((item) => [item.id, item.value])),
    );
    await phone.vault.putMany(items.map((item) => ({ ...item, value: item.value.at })));
    await syncAll(phone, laptop);
    expect(await laptop.vault.get('entry', items[7]?.id ?? '')).toMatchObject({ value: 7 });
    expect(Math.max(...sizes)).toBeLessThan(4 * 1024 * 1024);
  });
});

describe('a session', () => {
  it('is renewed once when many requests find it expired together', async () => {
    let refreshes = 0;
    const client = await registered({
      fetch: (input, init) => {
        if (String(input).endsWith('/auth/refresh')) refreshes += 1;
        return fetch(input, init);
      },
    });
    clock.forward(2 * 3_600_000);
    await Promise.all([client.me(), client.me(), client.devices(), client.vault.sync()]);
    expect(refreshes).toBe(1);
  });

  it('outlives a lost answer to its renewal, also when the device comes back a day later', async () => {
    const storage = memoryStorage();
    let isLost = true;
    const lossy: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      if (isLost && String(input).endsWith('/auth/refresh')) throw new TypeError('fetch failed');
      return response;
    };
    const before = await registered({ storage, fetch: lossy });
    await before.vault.put(entry('kept'));
    clock.forward(2 * 3_600_000);
    await expect(before.vault.sync()).rejects.toMatchObject({ code: 'network' });
    await before.close();
    clock.forward(24 * 3_600_000);
    isLost = false;
    const after = await open({ storage, fetch: lossy });
    expect(await after.vault.sync()).toMatchObject({ pushed: 1 });
  });

  it('outlives a lost answer that is repeated when its token has run out, which a clock that stands does not tell', async () => {
    const nowMs = clock.now();
    let isLost = false;
    const client = await registered({
      now: () => nowMs,
      fetch: faultyFetch((_request, url) =>
        isLost && url.endsWith('/auth/refresh') ? 'lost-answer' : undefined,
      ),
    });
    await client.vault.put(entry('kept'));
    clock.forward(2 * 3_600_000);
    isLost = true;
    await expect(client.vault.sync()).rejects.toMatchObject({ code: 'network' });
    clock.forward(2 * 3_600_000);
    isLost = false;
    expect(await client.vault.sync()).toMatchObject({ pushed: 1 });
  });

  it.each(['unavailable', 'cut'] as const)('is not given up because the server is %s', async (fault) => {
    let isDown = false;
    const client = await registered({ fetch: faultyFetch(() => (isDown ? fault : undefined)) });
    await client.vault.put(entry('kept'));
    clock.forward(2 * 3_600_000);
    isDown = true;
    await expect(client.vault.sync()).rejects.not.toMatchObject({ code: 'auth.signed_out' });
    expect(await client.vault.status()).toMatchObject({ unsynced: 1, lastError: expect.any(Error) });
    isDown = false;
    expect(await client.vault.sync()).toMatchObject({ pushed: 1 });
    expect((await client.vault.status()).lastError).toBeUndefined();
  });

  it('that has run out is begun anew by the key of the device, and costs nothing of the queue', async () => {
    const client = await registered();
    await client.vault.put(entry('kept'));
    clock.forward(40 * 24 * 3_600_000);
    expect(await client.vault.sync()).toMatchObject({ pushed: 1 });
    expect(await client.devices()).toHaveLength(1);
  });

  it('of a device that was revoked ends for good, says so and costs nothing of the queue', async () => {
    const laptop = await registered();
    const phone = await joined(laptop);
    await phone.vault.put(entry('kept'));
    await laptop.revokeDevice(phone.identity?.deviceId ?? '');
    await expect(phone.vault.sync()).rejects.toMatchObject({ code: 'auth.signed_out', status: 401 });
    clock.forward(40 * 24 * 3_600_000);
    await expect(phone.vault.sync()).rejects.toMatchObject({ code: 'auth.signed_out', status: 401 });
    expect(await phone.vault.status()).toMatchObject({ unsynced: 1 });
    expect(await visible(phone)).toEqual({ [id]: ['kept'] });
  });

  it('that somebody signed out of stays ended, until the device is told to go on', async () => {
    const client = await registered();
    await client.vault.put(entry('kept'));
    await client.logout();
    await expect(client.vault.sync()).rejects.toMatchObject({ code: 'auth.signed_out' });
    await client.account.resume();
    expect(await client.vault.sync()).toMatchObject({ pushed: 1 });
  });
});

describe('a clock that is wrong', () => {
  it.each([
    ['ahead', 10 * 60_000],
    ['behind', -10 * 60_000],
  ])('%s is told of, until it is right again', async (_what, wrongByMs) => {
    let aheadMs = wrongByMs;
    const client = await registered({ now: () => clock.now() + aheadMs });
    const told: boolean[] = [];
    client.vault.on('clock', ({ isWrong }) => told.push(isWrong));
    for (const value of ['once', 'twice']) {
      await client.vault.put(entry(value));
      await client.vault.sync();
    }
    expect(await client.vault.status()).toMatchObject({ clockIsWrong: true });
    aheadMs = 0;
    await client.vault.put(entry('thrice'));
    await client.vault.sync();
    expect(await client.vault.status()).toMatchObject({ clockIsWrong: false, unsynced: 0 });
    expect(told).toEqual([true, false]);
  });

  it('is told of to who has nothing to send, too', async () => {
    const client = await registered({ now: () => clock.now() + 10 * 60_000 });
    await client.vault.sync();
    expect(await client.vault.status()).toMatchObject({ clockIsWrong: true });
  });
});

describe('a cursor that the server does not know any more', () => {
  it('leads to a new pull of everything, with the queue kept', async () => {
    let isLost = false;
    const client = await registered({
      fetch: async (input, init) => {
        const isStale = isLost && String(init?.body).includes('"cursor"');
        if (!isStale || !String(input).endsWith('/sync/pull')) return fetch(input, init);
        const problem = {
          type: 'about:blank',
          title: 'Gone',
          status: 410,
          detail: 'Begin anew.',
          requestId: 'r',
        };
        return Response.json({ ...problem, code: 'sync.resync_required' }, { status: 410 });
      },
    });
    await client.vault.put(entry('known to both'));
    await client.vault.sync();
    await client.vault.put({ kind: 'entry', id: 'entry-still-queued', value: 'queued' });
    isLost = true;
    expect(await client.vault.sync()).toMatchObject({ pushed: 1, conflicts: 0 });
    expect(await visible(client)).toEqual({ [id]: ['known to both'], 'entry-still-queued': ['queued'] });
  });
});

describe('syncing by itself', () => {
  it('goes on after failures, and ends with the client', async () => {
    let failures = 3;
    const client = await registered();
    await client.vault.put(entry('sent in the end'));
    await client.close();
    const storage = memoryStorage();
    const flaky = await open({
      storage,
      fetch: (input, init) => {
        const isSync = String(input).includes('/sync/push');
        if (isSync && failures-- > 0) return Promise.resolve(new Response('busy', { status: 503 }));
        return fetch(input, init);
      },
    });
    await flaky.register();
    await flaky.vault.put(entry('sent in the end'));
    const sent = new Promise<void>((resolve) => {
      flaky.vault.on('status', ({ unsynced }) => unsynced === 0 && resolve());
    });
    flaky.vault.startAutoSync({ intervalMs: 10 });
    await sent;
    expect(await visible(flaky)).toEqual({ [id]: ['sent in the end'] });
  });

  it('shares one sync among all who ask at the same time, and lets one of them leave', async () => {
    let pulls = 0;
    const client = await registered({
      fetch: (input, init) => {
        if (String(input).endsWith('/sync/pull')) pulls += 1;
        return fetch(input, init);
      },
    });
    const leaving = new AbortController();
    const [first, second] = [client.vault.sync({ signal: leaving.signal }), client.vault.sync()];
    leaving.abort();
    await expect(first).rejects.toMatchObject({ code: 'aborted' });
    expect(await second).toEqual({ pushed: 0, pulled: 0, conflicts: 0 });
    expect(pulls).toBe(1);
  });
});

describe('a listener that throws', () => {
  it('does not end the write or the sync that it was told of', async () => {
    const uncaught: unknown[] = [];
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException');
    process.on('uncaughtException', (error) => uncaught.push(error));
    const client = await registered();
    client.vault.on('change', () => {
      throw new Error('a fault of the app');
    });
    await client.vault.put(entry('stored'));
    await client.vault.sync();
    expect(await visible(client)).toEqual({ [id]: ['stored'] });
    await new Promise((resolve) => setImmediate(resolve));
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
    expect(uncaught).toMatchObject([{ message: 'a fault of the app' }]);
  });
});

describe('an answer that is not Alcove’s', () => {
  it('is one clear error, and nothing is taken from it', async () => {
    const client = await registered({
      fetch: lyingFetch('POST', /sync\/push$/, (answer) => ({ ...answer, results: [] })),
    });
    await client.vault.put(entry('kept'));
    await expect(client.vault.sync()).rejects.toMatchObject({ code: 'protocol' });
    expect(await client.vault.status()).toMatchObject({ unsynced: 1 });
  });
});
