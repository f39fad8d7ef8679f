/** When all devices are lost: 24 words, and a server that would like to use the moment. */
import { type Client, type ClientOptions, memoryStorage } from '@alcove/client';
import { startTestServer, type TestServer } from '@alcove/server/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crashingStorage, faultyFetch, lyingFetch } from './faults.ts';
import { createPeople, visible } from './people.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const { open, registered, joined } = createPeople(() => ({ url: server.url }));

const id = 'entry-that-is-kept';

/** An account with two devices, something written in each of two epochs, and words. */
async function someone(): Promise<{ laptop: Client; phone: Client; words: string }> {
  const laptop = await registered();
  await laptop.vault.put({ kind: 'entry', id, value: 'before the words' });
  await laptop.vault.sync();
  const words = await laptop.recovery.create();
  const [phone, tablet] = [await joined(laptop), await joined(laptop)];
  await laptop.revokeDevice(tablet.identity?.deviceId ?? '');
  await phone.vault.sync();
  await phone.vault.put({ kind: 'entry', id: `${id}-later`, value: 'after a revocation' });
  await phone.vault.sync();
  return { laptop, phone, words };
}
const everything = { [id]: ['before the words'], [`${id}-later`]: ['after a revocation'] };

describe('24 words', () => {
  it('bring back the whole vault to a new device, which then is one like any other', async () => {
    const { laptop, phone, words } = await someone();
    const found = await open();
    const { keys, accountId } = await found.recover(words);
    expect([keys, accountId]).toEqual(['ready', laptop.identity?.accountId]);
    await found.vault.sync();
    expect(await visible(found)).toEqual(everything);
    await found.vault.put({ kind: 'entry', id, value: 'by the found one' });
    await found.vault.sync();
    for (const client of [laptop, phone]) {
      await client.vault.sync();
      expect(await client.vault.get('entry', id)).toMatchObject({ value: 'by the found one' });
    }
    expect((await laptop.devices()).map(({ verified }) => verified)).toEqual([true, true, true]);
    expect(await found.recovery.status()).toBe('confirmed');
  });

  it('take out all other devices where they are lost, and still work afterwards', async () => {
    const { laptop, phone, words } = await someone();
    const found = await open();
    await found.recover(words, { revokeOthers: true });
    for (const client of [laptop, phone])
      await expect(client.vault.sync()).rejects.toMatchObject({ code: 'auth.signed_out' });
    expect(await found.devices()).toHaveLength(1);
    await found.vault.sync();
    await found.vault.put({ kind: 'entry', id, value: 'in the newest epoch' });
    await found.vault.sync();
    const again = await open();
    await again.recover(words);
    await again.vault.sync();
    expect(await visible(again)).toEqual({ ...everything, [id]: ['in the newest epoch'] });
  });

  it('are worth nothing once others have taken their place', async () => {
    const { laptop, words } = await someone();
    await laptop.recovery.confirm(words);
    const fresh = await laptop.recovery.create();
    expect(await laptop.recovery.status()).toBe('unconfirmed');
    await expect(laptop.recovery.confirm(words)).rejects.toMatchObject({ code: 'recovery.wrong_words' });
    await expect((await open()).recover(words)).rejects.toMatchObject({ code: 'auth.proof_invalid' });
    const found = await open();
    await found.recover(fresh);
    await found.vault.sync();
    expect(await visible(found)).toEqual(everything);
  });

  it('are known to the other devices, and asked for until they are confirmed', async () => {
    const laptop = await registered();
    expect(await laptop.recovery.status()).toBe('none');
    const words = await laptop.recovery.create();
    expect(await laptop.recovery.status()).toBe('unconfirmed');
    const phone = await joined(laptop);
    expect(await phone.recovery.status()).toBe('confirmed');
    await laptop.recovery.confirm(words);
    expect(await laptop.recovery.status()).toBe('confirmed');
  });

  it('do not turn a store that is a device already into another one', async () => {
    const { laptop, phone, words } = await someone();
    const before = phone.identity;
    await expect(phone.recover(words)).rejects.toMatchObject({ code: 'identity.exists' });
    expect(phone.identity).toEqual(before);
    expect(await laptop.devices()).toHaveLength(2);
  });

  it('work for two who use them at once', async () => {
    const { words } = await someone();
    const both = [await open(), await open()];
    await Promise.all(both.map((client) => client.recover(words)));
    for (const client of both) {
      await client.vault.sync();
      expect(await visible(client)).toEqual(everything);
    }
  });
});

describe('a recovery that is interrupted', () => {
  it('by the end of the program at any of its writes goes on with the same words', async () => {
    const { words } = await someone();
    // The first two make the store.
    for (let at = 2; ; at += 1) {
      const storage = memoryStorage();
      const moment = at % 2 === 0 ? 'before' : 'after';
      const mortal = await open({ storage: crashingStorage(storage, at, moment) });
      const isWhole = await mortal.recover(words).then(
        () => true,
        () => false,
      );
      await mortal.close();
      const found = await open({ storage });
      if (found.identity?.keys !== 'ready') await found.recover(words);
      await found.vault.sync();
      expect(await visible(found)).toEqual(everything);
      if (isWhole) return;
    }
  });

  it.each(['calls again', 'only syncs'])(
    'while it takes out the others leaves none of them, when who comes back %s',
    async (what) => {
      for (let at = 2; ; at += 1) {
        const { laptop, phone, words } = await someone();
        const storage = memoryStorage();
        const moment = at % 2 === 0 ? 'after' : 'before';
        const mortal = await open({ storage: crashingStorage(storage, at, moment) });
        const isWhole = await mortal.recover(words, { revokeOthers: true }).then(
          () => true,
          () => false,
        );
        await mortal.close();
        const found = await open({ storage });
        const isDevice = found.identity?.keys === 'ready';
        if (!isWhole && (what === 'calls again' || !isDevice))
          await found.recover(words, { revokeOthers: true });
        await found.vault.sync();
        expect(await visible(found)).toEqual(everything);
        expect(await found.devices()).toHaveLength(1);
        for (const client of [laptop, phone])
          await expect(client.vault.sync()).rejects.toMatchObject({ code: 'auth.signed_out' });
        if (!isWhole) continue;
        await expect(found.recover(words)).rejects.toMatchObject({ code: 'identity.exists' });
        return;
      }
    },
  );

  it('by a network that is gone from any of its requests on leaves none of the others', async () => {
    for (let at = 0; ; at += 1) {
      const { laptop, words } = await someone();
      const storage = memoryStorage();
      const mortal = await open({
        storage,
        fetch: faultyFetch((request) => (request > at ? 'cut' : request === at ? 'lost-answer' : undefined)),
      });
      const isWhole = await mortal.recover(words, { revokeOthers: true }).then(
        () => true,
        () => false,
      );
      await mortal.close();
      const found = await open({ storage });
      if (!isWhole) await found.recover(words, { revokeOthers: true });
      expect(await found.devices()).toHaveLength(1);
      await expect(laptop.vault.sync()).rejects.toMatchObject({ code: 'auth.signed_out' });
      if (isWhole) return;
    }
  });

  it.each(['lost-answer', 'doubled', 'torn-answer', 'unavailable'] as const)(
    'by a %s of every third answer comes through',
    async (fault) => {
      const { words } = await someone();
      const found = await open({ fetch: faultyFetch((at) => (at % 3 === 2 ? fault : undefined)) });
      await found.recover(words);
      await found.vault.sync();
      expect(await visible(found)).toEqual(everything);
    },
  );
});

describe('a server that cheats the one who has only the words', () => {
  const swap = (answer: Record<string, unknown>, change: (log: Record<string, unknown>[]) => unknown) => ({
    ...answer,
    log: change(Array.from(Object(answer.log))),
  });

  it.each<[string, ClientOptions['fetch']]>([
    [
      'with a log in which the entry of the recovery key is another one',
      lyingFetch('GET', /sync\/keys$/, (answer) =>
        swap(answer, (log) =>
          log.map((entry) => (entry.action === 'add' ? { ...entry, by: entry.deviceId } : entry)),
        ),
      ),
    ],
    [
      'with a log that has no recovery key',
      lyingFetch('GET', /sync\/keys$/, (answer) => swap(answer, ([genesis]) => [genesis])),
    ],
    [
      'by leaving out what came after the recovery key',
      lyingFetch('GET', /sync\/keys$/, (answer) => swap(answer, (log) => log.slice(0, 2))),
    ],
    [
      'with a device that it has slipped in',
      lyingFetch('GET', /sync\/keys$/, (answer) =>
        swap(answer, (log) => [...log, { ...log[1], deviceId: crypto.randomUUID() }]),
      ),
    ],
    [
      'with words of its own in the place of the blob',
      lyingFetch('GET', /sync\/recovery$/, (answer) => ({ ...answer, blob: 'A'.repeat(43) })),
    ],
    [
      'with keys that nobody of the log has wrapped',
      lyingFetch('GET', /sync\/keys$/, (answer) => ({
        ...answer,
        recoveryShares: Array.from(Object(answer.recoveryShares)).map((share) => ({
          ...Object(share),
          wrapped: String(Object(share).wrapped).replace(/.{8}$/, 'AAAAAAAA'),
        })),
      })),
    ],
  ])('%s is found out, and no device is made', async (_what, fetch) => {
    const { laptop, words } = await someone();
    const found = await open(fetch === undefined ? {} : { fetch });
    await expect(found.recover(words)).rejects.toMatchObject({ code: 'keys.untrusted' });
    expect(found.identity?.keys).not.toBe('ready');
    expect((await laptop.devices()).filter(({ verified }) => verified)).toHaveLength(2);
  });
});
