/** Nothing is lost and nothing doubled, whatever breaks, and whenever it breaks. */
import { type Client, createClient, memoryStorage, type Storage } from '@alcove/client';
import { startTestServer, type TestServer } from '@alcove/server/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crashingStorage, dyingFetch, faultyFetch, type NetworkFault } from './faults.ts';
import { joinWith, openClient, visible } from './people.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const first = 'entry-number-one-';
const second = 'entry-number-two-';
const third = 'entry-number-three';

/** A morning with the app. Each step may be done again when it was interrupted. */
const steps: ((client: Client) => Promise<unknown>)[] = [
  (client) => client.register(),
  (client) => client.vault.put({ kind: 'entry', id: first, value: 'one' }),
  (client) => client.vault.put({ kind: 'entry', id: second, value: 'two' }),
  (client) => client.vault.sync(),
  (client) => client.vault.put({ kind: 'entry', id: first, value: 'one, again' }),
  (client) => client.vault.delete('entry', second),
  (client) => client.vault.put({ kind: 'entry', id: third, value: 'three' }),
  (client) => client.vault.sync(),
];
const outcome = { [first]: ['one, again'], [third]: ['three'] };

async function expectOutcome(client: Client): Promise<void> {
  expect(await visible(client)).toEqual(outcome);
  expect(await client.vault.status()).toMatchObject({ unsynced: 0, rejected: [], isCloned: false });
  await using other = await joinWith(client, server.url);
  expect(await visible(other)).toEqual(outcome);
}

describe('a morning with the app', () => {
  const faults: NetworkFault[] = ['cut', 'lost-answer', 'doubled', 'torn-answer', 'unavailable'];

  it.each(faults)('survives a %s at each of its requests', async (fault) => {
    let wasHit = true;
    for (let at = 0; wasHit; at += 1) {
      wasHit = false;
      const fetch = faultyFetch((request) => {
        if (request !== at) return undefined;
        wasHit = true;
        return fault;
      });
      await using client = await openClient(server.url, { fetch });
      for (const step of steps) await step(client);
      await expectOutcome(client);
    }
  });

  it.each(faults)('survives every third request ending in a %s', async (fault) => {
    const fetch = faultyFetch((request) => (request % 3 === 2 ? fault : undefined));
    await using client = await openClient(server.url, { fetch });
    for (const step of steps) await step(client);
    await expectOutcome(client);
  });

  it('survives the end of the process with the answer of each of its requests', async () => {
    for (let at = 0; ; at += 1) {
      const storage = memoryStorage();
      let dead: Promise<void> | undefined;
      const mortal: Client = await openClient(server.url, {
        storage,
        fetch: dyingFetch(at, () => {
          dead = mortal.close();
        }),
      });
      const stoppedAt = await runUntilDeath(mortal);
      await (dead ?? mortal.close());
      await goOn(storage, stoppedAt);
      if (dead === undefined) return;
    }
  });

  it.each(['before', 'after'] as const)('survives a crash just %s each of its writes', async (moment) => {
    // The first two make the store.
    for (let at = 2; ; at += 1) {
      const storage = memoryStorage();
      const mortal = await openClient(server.url, { storage: crashingStorage(storage, at, moment) });
      const stoppedAt = await runUntilDeath(mortal);
      await mortal.close();
      await goOn(storage, stoppedAt);
      if (stoppedAt === steps.length) return;
    }
  });

  /** The number of the step that was not finished. */
  async function runUntilDeath(client: Client): Promise<number> {
    for (const [at, step] of steps.entries()) {
      const isDone = await step(client).then(
        () => true,
        () => false,
      );
      if (!isDone) return at;
    }
    return steps.length;
  }

  async function goOn(storage: Storage, from: number): Promise<void> {
    await using client = await createClient({ url: server.url, storage, random: () => 0 });
    for (const step of steps.slice(from)) await step(client);
    await client.vault.sync();
    await expectOutcome(client);
  }
});

describe('an edit during a push', () => {
  it('is neither swallowed by the answer to the older edit nor sent twice', async () => {
    let typing: Promise<unknown> | undefined;
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const response = await globalThis.fetch(input, init);
      if (String(input).endsWith('/sync/push') && typing === undefined) {
        typing = client.vault.put({ kind: 'entry', id: first, value: 'typed meanwhile' });
        await typing;
      }
      return response;
    };
    await using client = await openClient(server.url, { fetch });
    await client.register();
    await client.vault.put({ kind: 'entry', id: first, value: 'sent' });
    expect(await client.vault.sync()).toMatchObject({ pushed: 2, conflicts: 0 });
    expect(await client.vault.get('entry', first)).toMatchObject({
      value: 'typed meanwhile',
      unsynced: false,
    });
    await using other = await joinWith(client, server.url);
    expect(await visible(other)).toEqual({ [first]: ['typed meanwhile'] });
  });
});

describe('the ciphertext of one clock', () => {
  it('is the same however often it has to be sent', async () => {
    const sent: string[] = [];
    const fetch: typeof globalThis.fetch = async (input, init) => {
      if (!String(input).endsWith('/sync/push')) return globalThis.fetch(input, init);
      sent.push(String(init?.body));
      if (sent.length < 3) throw new TypeError('fetch failed');
      return globalThis.fetch(input, init);
    };
    const storage = memoryStorage();
    const before = await openClient(server.url, { fetch, storage });
    await before.register();
    await before.vault.put({ kind: 'entry', id: first, value: 'sealed once' });
    await before.close();
    await using client = await openClient(server.url, { fetch, storage });
    await client.vault.sync();
    expect(sent).toHaveLength(3);
    expect(new Set(sent).size).toBe(1);
  });
});
