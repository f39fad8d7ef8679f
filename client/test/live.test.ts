/** Devices hear of each other at once; where that is impossible they ask, and nobody notices but by the time it takes. */
import { type Client, type LiveState, memoryStorage } from '@alcove/client';
import { startTestServer, type TestServer } from '@alcove/server/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPeople, pair } from './people.ts';

let server: TestServer;
const hourMs = 3_600_000;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const { open, registered, joined } = createPeople(() => ({ url: server.url }));

const liveOf = async (client: Client) => (await client.vault.status()).live;
const untilLive = (client: Client, state: LiveState) => expect.poll(() => liveOf(client)).toBe(state);
const valuesOf = async (client: Client) => (await client.vault.list()).map(({ value }) => value).sort();

/** Requests by the end of their path. */
function countingFetch() {
  const counts: Record<string, number> = {};
  const counting: typeof fetch = (input, init) => {
    const name = new URL(String(input)).pathname.replace('/api/v1/', '');
    counts[name] = (counts[name] ?? 0) + 1;
    return fetch(input, init);
  };
  return { fetch: counting, counts };
}

/** WebSockets that a test can look at and break. */
function watchedSockets() {
  const sockets: WebSocket[] = [];
  class Watched extends WebSocket {
    constructor(url: string | URL) {
      super(url);
      sockets.push(this);
    }
  }
  return { webSocket: Watched, sockets };
}

/** One that the network swallows. */
class Refused extends WebSocket {
  constructor() {
    super('ws://127.0.0.1:1');
  }
}

async function openPair(phoneOptions = {}) {
  const laptop = await registered();
  const phone = await joined(laptop, phoneOptions);
  return { laptop, phone };
}

describe('the live channel', () => {
  it('brings the edits of another device without asking', async () => {
    const { laptop, phone } = await openPair();
    for (const client of [laptop, phone]) client.vault.startAutoSync({ intervalMs: hourMs });
    for (const client of [laptop, phone]) await untilLive(client, 'connected');
    await laptop.vault.put({ kind: 'entry', value: 'Up betimes' });
    await expect.poll(() => valuesOf(phone)).toEqual(['Up betimes']);
    await phone.vault.put({ kind: 'entry', value: 'To my office' });
    await expect.poll(() => valuesOf(laptop)).toEqual(['To my office', 'Up betimes']);
  });

  it('brings what was written before it stood, and while it was broken', async () => {
    const { webSocket, sockets } = watchedSockets();
    const { laptop, phone } = await openPair({ webSocket });
    phone.vault.startAutoSync({ intervalMs: hourMs });
    await untilLive(phone, 'connected');
    for (const round of [1, 2, 3]) {
      sockets.at(-1)?.close();
      await laptop.vault.put({ kind: 'entry', value: round });
      await laptop.vault.sync();
      await expect.poll(async () => (await valuesOf(phone)).length).toBe(round);
    }
    expect(sockets.length).toBeGreaterThanOrEqual(4);
  });

  it('makes no sync of the own edit that comes back as news', async () => {
    const { fetch, counts } = countingFetch();
    const laptop = await registered({ fetch });
    laptop.vault.startAutoSync({ intervalMs: hourMs });
    await untilLive(laptop, 'connected');
    await expect.poll(() => counts['sync/pull']).toBeGreaterThan(0);
    const before = counts['sync/pull'] ?? 0;
    for (let round = 1; round <= 5; round += 1) {
      await laptop.vault.put({ kind: 'entry', value: round });
      await expect.poll(async () => (await laptop.vault.status()).unsynced).toBe(0);
    }
    expect((counts['sync/pull'] ?? 0) - before).toBeLessThanOrEqual(10);
    expect(counts['sync/push']).toBe(5);
  });

  it('makes no storm of syncs out of a storm of edits', async () => {
    const { fetch, counts } = countingFetch();
    const { laptop, phone } = await openPair({ fetch });
    phone.vault.startAutoSync({ intervalMs: hourMs });
    await untilLive(phone, 'connected');
    const before = counts['sync/pull'] ?? 0;
    for (let round = 0; round < 40; round += 1) {
      await laptop.vault.put({ kind: 'entry', value: round });
      await laptop.vault.sync();
    }
    await expect.poll(async () => (await valuesOf(phone)).length).toBe(40);
    expect((counts['sync/pull'] ?? 0) - before).toBeLessThanOrEqual(82);
  });

  it('tells of a new device, whose edits then open at once', async () => {
    const laptop = await registered();
    laptop.vault.startAutoSync({ intervalMs: hourMs });
    await untilLive(laptop, 'connected');
    const phone = await open();
    await pair(laptop, phone);
    await phone.vault.put({ kind: 'entry', value: 'from the new one' });
    await phone.vault.sync();
    await expect.poll(() => valuesOf(laptop)).toEqual(['from the new one']);
  });

  it('ends with a revocation, and says so', async () => {
    const { laptop, phone } = await openPair();
    phone.vault.startAutoSync({ intervalMs: hourMs });
    await untilLive(phone, 'connected');
    await laptop.revokeDevice(phone.identity?.deviceId ?? '');
    await expect.poll(() => liveOf(phone)).not.toBe('connected');
    await expect.poll(async () => (await phone.vault.status()).lastError?.code).toBe('auth.signed_out');
  });

  it.each<[string, object]>([
    ['sockets are refused', { webSocket: Refused }],
    ['the app does not want it', {}],
  ])('is replaced by asking where %s', async (name, options) => {
    const { laptop, phone } = await openPair(options);
    const live = !name.includes('want');
    phone.vault.startAutoSync({ intervalMs: 100, live });
    await laptop.vault.put({ kind: 'entry', value: 'asked for' });
    await laptop.vault.sync();
    await expect.poll(() => valuesOf(phone)).toEqual(['asked for']);
    expect(await liveOf(phone)).not.toBe('connected');
    if (live) await untilLive(phone, 'off');
  });

  it('shows its state as events, up to the end', async () => {
    const client = await registered();
    const states: LiveState[] = [];
    client.vault.on('status', ({ live }) => states.at(-1) !== live && states.push(live));
    const stop = client.vault.startAutoSync({ intervalMs: hourMs });
    await untilLive(client, 'connected');
    stop();
    await untilLive(client, 'off');
    expect(states.filter((state) => state !== 'off')).toEqual(['connecting', 'connected']);
    expect(states.at(-1)).toBe('off');
  });
});

describe('several tabs on one store', () => {
  async function openTabs() {
    const storage = memoryStorage();
    const { webSocket, sockets } = watchedSockets();
    const { fetch, counts } = countingFetch();
    const first = await registered({ storage, webSocket, fetch });
    const second = await open({ storage, webSocket, fetch });
    const other = await joined(first);
    return { first, second, other, sockets, counts };
  }

  it('have one live channel, and another one leads when the first is closed', async () => {
    const { first, second, other, sockets } = await openTabs();
    first.vault.startAutoSync({ intervalMs: hourMs });
    await untilLive(first, 'connected');
    second.vault.startAutoSync({ intervalMs: hourMs });
    await untilLive(second, 'connected');
    expect(sockets.length).toBe(1);
    await first.close();
    await expect.poll(() => sockets.length).toBe(2);
    await other.vault.put({ kind: 'entry', value: 'after the change' });
    await other.vault.sync();
    await expect.poll(() => valuesOf(second)).toEqual(['after the change']);
  });

  it('all hear of what any of them wrote and of what the sync of one brought', async () => {
    const { first, second, other } = await openTabs();
    const seen: string[] = [];
    const unsynced: number[] = [];
    second.vault.on('change', ({ origin, id }) => seen.push(`${origin} ${id}`));
    second.vault.on('status', (status) => unsynced.push(status.unsynced));
    const mine = await first.vault.put({ kind: 'entry', value: 'mine' });
    await expect.poll(() => seen).toEqual([`local ${mine.id}`]);
    await expect.poll(() => unsynced.at(-1)).toBe(1);
    const theirs = await other.vault.put({ kind: 'entry', value: 'theirs' });
    await other.vault.sync();
    await first.vault.sync();
    await expect.poll(() => seen.slice(1)).toEqual([`remote ${theirs.id}`]);
    await expect.poll(() => unsynced.at(-1)).toBe(0);
  });

  it('all hear of a conflict, with both texts', async () => {
    const { first, second, other } = await openTabs();
    const { id } = await first.vault.put({ kind: 'entry', value: 'Dined' });
    await first.vault.sync();
    await other.vault.sync();
    const heard: unknown[][] = [];
    second.vault.on('conflict', ({ mine, theirs }) =>
      heard.push([mine.value, ...theirs.map(({ value }) => value)]),
    );
    await first.vault.put({ kind: 'entry', id, value: 'Dined at home' });
    await other.vault.put({ kind: 'entry', id, value: 'Dined abroad' });
    await other.vault.sync();
    await first.vault.sync();
    await expect.poll(() => heard).toEqual([['Dined at home', 'Dined abroad']]);
  });

  it('send through the one who leads what another one wrote', async () => {
    const { first, second, other } = await openTabs();
    first.vault.startAutoSync({ intervalMs: hourMs });
    await untilLive(first, 'connected');
    await second.vault.put({ kind: 'entry', value: 'from the second' });
    await expect.poll(async () => (await second.vault.status()).unsynced).toBe(0);
    await other.vault.sync();
    expect(await valuesOf(other)).toEqual(['from the second']);
  });
});
