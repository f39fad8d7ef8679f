/** Several devices of one person, and a server that would like to be one of them. */
import { type Client, memoryStorage } from '@alcove/client';
import { logEntryHash } from '@alcove/contract/keys';
import { createTestClock, startTestServer, type TestServer } from '@alcove/server/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDeviceKeys } from '../src/crypto/keys.ts';
import { sealMintedShare, sealPairingShare } from '../src/crypto/shares.ts';
import { dyingFetch, faultyFetch, lyingFetch } from './faults.ts';
import { createPeople, pair, visible } from './people.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const { open, registered, joined } = createPeople(() => ({ url: server.url }));

const ids = (count: number) => Array.from({ length: count }, (_, at) => `entry-number-${at}`.padEnd(16, '-'));
const [one = '', two = ''] = ids(2);

describe('a second device', () => {
  it('reads what was written before it came, and is read by the first', async () => {
    const laptop = await registered({ device: { name: 'Laptop', platform: 'linux' } });
    await laptop.vault.put({
      kind: 'entry',
      id: one,
      value: { text: 'Lord’s day 🕯', nested: [1, null, true] },
    });
    await laptop.vault.put({
      kind: 'tag',
      id: two,
      value: 'church',
      meta: { entryId: one, confidence: 0.5 },
    });
    await laptop.vault.sync();
    const phone = await joined(laptop, { device: { name: 'Phone', platform: 'ios' } });
    expect(await phone.vault.get('entry', one)).toMatchObject({
      value: { text: 'Lord’s day 🕯', nested: [1, null, true] },
      deviceId: laptop.identity?.deviceId,
      unsynced: false,
    });
    expect(await phone.vault.get('tag', two)).toMatchObject({ meta: { entryId: one, confidence: 0.5 } });
    await phone.vault.put({ kind: 'entry', id: one, value: 'from the phone' });
    await phone.vault.sync();
    await laptop.vault.sync();
    expect(await laptop.vault.get('entry', one)).toMatchObject({ value: 'from the phone' });
    expect((await laptop.devices()).map(({ name, verified }) => [name, verified])).toEqual([
      ['Laptop', true],
      ['Phone', true],
    ]);
  });

  it('may be approved by a device that was itself approved, and may be restarted before it claims', async () => {
    const laptop = await registered();
    const phone = await joined(laptop);
    const storage = memoryStorage();
    const first = await open({ storage });
    const { code } = await first.startPairing();
    await first.close();
    const tablet = await open({ storage });
    const pairing = await tablet.startPairing();
    expect(pairing.code).toBe(code);
    await phone.approvePairing(pairing.code);
    await phone.approvePairing(pairing.code);
    await pairing.claim();
    await tablet.vault.put({ kind: 'entry', id: one, value: 'third' });
    await tablet.vault.sync();
    await laptop.vault.sync();
    expect(await visible(laptop)).toEqual({ [one]: ['third'] });
  });

  it('waits until it is approved, and stops when asked', async () => {
    const laptop = await registered();
    let questions = 0;
    const phone = await open({
      fetch: (input, init) => {
        if (String(input).endsWith('/claim')) questions += 1;
        return fetch(input, init);
      },
    });
    const pairing = await phone.startPairing();
    await expect(pairing.claim({ signal: AbortSignal.timeout(500), pollMs: 10 })).rejects.toMatchObject({
      code: 'aborted',
    });
    // The server asks for two seconds between two questions.
    expect(questions).toBe(1);
    const claiming = pairing.claim({ pollMs: 10 });
    await laptop.approvePairing(pairing.code);
    expect((await claiming).accountId).toBe(laptop.identity?.accountId);
  });

  it('joins though answers are lost on both sides', async () => {
    const laptop = await registered({
      fetch: faultyFetch((at) => (at % 2 === 1 ? 'lost-answer' : undefined)),
    });
    await laptop.vault.put({ kind: 'entry', id: one, value: 'kept' });
    await laptop.vault.sync();
    const phone = await open();
    await pair(laptop, phone);
    await phone.vault.sync();
    expect(await visible(phone)).toEqual({ [one]: ['kept'] });
  });

  it('claims what was approved though the process died with the answer of its claim', async () => {
    const laptop = await registered();
    const storage = memoryStorage();
    const mortal: Client = await open({
      storage,
      fetch: dyingFetch(1, () => mortal.close()),
    });
    const { code, claim } = await mortal.startPairing();
    await laptop.approvePairing(code);
    await expect(claim()).rejects.toMatchObject({ code: 'aborted' });

    const phone = await open({ storage });
    const again = await phone.startPairing();
    expect(again.code).toBe(code);
    await again.claim();
    expect((await laptop.devices()).map(({ id }) => id)).toContain(phone.identity?.deviceId);
  });

  it('starts anew with fresh keys when its pairing has expired', async () => {
    const clock = createTestClock();
    await using slow = await startTestServer({ clock });
    const phone = await open({ url: slow.url, now: () => clock.now() });
    const late = await phone.startPairing();
    clock.forward(11 * 60_000);
    await expect(late.claim()).rejects.toMatchObject({ code: 'pairing.expired' });
    const laptop = await registered({ url: slow.url, now: () => clock.now() });
    const fresh = await phone.startPairing();
    expect(fresh.code.split('.')[2]).not.toBe(late.code.split('.')[2]);
    await laptop.approvePairing(fresh.code);
    expect((await fresh.claim()).accountId).toBe(laptop.identity?.accountId);
  });
});

describe('a revoked device', () => {
  it('loses its session at once, and gets none of the keys that come after', async () => {
    const laptop = await registered();
    const [phone, tablet] = [await joined(laptop), await joined(laptop)];
    await laptop.revokeDevice(phone.identity?.deviceId ?? '');
    await laptop.vault.put({ kind: 'entry', id: one, value: 'not for the phone' });
    await laptop.vault.sync();
    await tablet.vault.sync();
    expect(await visible(tablet)).toEqual({ [one]: ['not for the phone'] });
    await phone.vault.put({ kind: 'entry', id: two, value: 'kept on the phone' });
    await expect(phone.vault.sync()).rejects.toMatchObject({ code: 'auth.signed_out', status: 401 });
    expect(await phone.vault.status()).toMatchObject({ unsynced: 1 });
    expect((await laptop.devices()).map(({ id }) => id)).not.toContain(phone.identity?.deviceId);
  });

  it('is put out of the keys by the next sync when the revocation was interrupted', async () => {
    const storage = memoryStorage();
    let isCut = false;
    const fetch: typeof globalThis.fetch = (input, init) => {
      if (isCut && init?.method === 'PUT') return Promise.reject(new TypeError('fetch failed'));
      return globalThis.fetch(input, init);
    };
    const first = await registered({ storage, fetch });
    const phone = await joined(first);
    const tablet = await joined(first);
    isCut = true;
    await expect(first.revokeDevice(phone.identity?.deviceId ?? '')).rejects.toMatchObject({
      code: 'network',
    });
    await first.close();

    const epochs: unknown[] = [];
    const laptop = await open({
      storage,
      fetch: (input, init) => {
        if (String(input).endsWith('/sync/push'))
          epochs.push(JSON.parse(String(init?.body)).changes[0].epoch);
        return globalThis.fetch(input, init);
      },
    });
    await laptop.vault.sync();
    await laptop.vault.put({ kind: 'entry', id: one, value: 'sealed with the second key' });
    await laptop.vault.sync();
    expect(epochs).toEqual([2]);
    await tablet.vault.sync();
    expect(await visible(tablet)).toEqual({ [one]: ['sealed with the second key'] });
  });

  it.each<'cut' | 'lost-answer'>(['cut', 'lost-answer'])(
    'is gone after the next sync, whichever request of the revocation ended in a %s and all after it',
    async (fault) => {
      for (let at = 0, isWhole = false; !isWhole; at += 1) {
        const storage = memoryStorage();
        const first = await registered({ storage });
        const phone = await joined(first);
        await first.close();

        const failing = await open({
          storage,
          fetch: faultyFetch((request) => (request < at ? undefined : request === at ? fault : 'cut')),
        });
        isWhole = await failing.revokeDevice(phone.identity?.deviceId ?? '').then(
          () => true,
          () => false,
        );
        await failing.close();

        const epochs: number[] = [];
        const laptop = await open({ storage, fetch: pushWatching(epochs) });
        await laptop.vault.sync();
        await laptop.vault.put({ kind: 'entry', id: one, value: 'not for the phone' });
        await laptop.vault.sync();
        expect(epochs).toEqual([2]);
        await expect(phone.vault.sync()).rejects.toMatchObject({ code: 'auth.signed_out' });
        expect(await laptop.devices()).toHaveLength(1);
      }
    },
  );

  it('is noticed by a device whose clock was set back since', async () => {
    let nowMs = Date.now();
    const epochs: number[] = [];
    const laptop = await registered();
    const phone = await joined(laptop, { now: () => nowMs, fetch: pushWatching(epochs) });
    const tablet = await joined(laptop);
    await phone.vault.sync();
    await laptop.revokeDevice(tablet.identity?.deviceId ?? '');
    nowMs -= 24 * 60 * 60_000;
    await phone.vault.sync();
    await phone.vault.put({ kind: 'entry', id: one, value: 'not for the tablet' });
    await phone.vault.sync();
    expect(epochs).toEqual([2]);
  });

  it('leaves nobody with another order of versions, though a key comes after what it opens', async () => {
    const laptop = await registered();
    const [phone, tablet] = [await joined(laptop), await joined(laptop)];
    await laptop.vault.put({ kind: 'memory', id: one, value: 'written' });
    await laptop.vault.sync();
    await phone.revokeDevice(tablet.identity?.deviceId ?? '');
    await phone.vault.delete('memory', one);
    await phone.vault.sync();
    await laptop.vault.sync();
    const seen = await laptop.vault.get('memory', one);
    expect(seen).toMatchObject({ deleted: true, conflict: [{ value: 'written' }] });
    expect(seen).toEqual(await phone.vault.get('memory', one));
  });

  it('that there is none of by this name is no obstacle to later syncs', async () => {
    const laptop = await registered();
    await expect(laptop.revokeDevice('nobody')).rejects.toMatchObject({ code: 'request.invalid' });
    await laptop.vault.sync();
  });

  it('may be revoked twice, by two devices at once, and cannot be the device itself', async () => {
    const laptop = await registered();
    const [phone, tablet] = [await joined(laptop), await joined(laptop)];
    const id = tablet.identity?.deviceId ?? '';
    await Promise.all([laptop.revokeDevice(id), phone.revokeDevice(id)]);
    await laptop.revokeDevice(id);
    await phone.vault.put({ kind: 'entry', id: one, value: 'still together' });
    await phone.vault.sync();
    await laptop.vault.sync();
    expect(await visible(laptop)).toEqual({ [one]: ['still together'] });
    await expect(phone.revokeDevice(phone.identity?.deviceId ?? '')).rejects.toMatchObject({
      code: 'invalid_argument',
    });
  });
});

describe('a server that cheats', () => {
  const untrusted = { code: 'keys.untrusted' };

  it('cannot have its own keys approved in place of the new device’s', async () => {
    const evil = await createDeviceKeys();
    const fetch = lyingFetch('GET', /pairings\/[^/]+$/, (answer) => ({
      ...answer,
      device: {
        ...Object(answer.device),
        encryptionKey: evil.encryption.publicKey,
        signingKey: evil.signing.publicKey,
      },
    }));
    const laptop = await registered({ fetch });
    const phone = await open();
    const { code } = await phone.startPairing();
    await expect(laptop.approvePairing(code)).rejects.toMatchObject({ code: 'pairing.fingerprint_mismatch' });
    expect(await laptop.devices()).toHaveLength(1);
  });

  it.each<[string, (answer: Record<string, unknown>, victim: unknown) => Promise<Record<string, unknown>>]>([
    ['no shares at all', async (answer) => ({ ...answer, keyShares: [] })],
    [
      'a share of an epoch key of its own',
      async (answer, encryptionKey) => {
        const endorsementHash = await logEntryHash(Object(answer.endorsement));
        const account = Object(answer.account).id;
        const recipient = Object(answer.device).id;
        const place = {
          account,
          epoch: 1,
          newestEpoch: 1,
          recipient,
          endorsementHash,
          pairingId: account,
        };
        const key = new Uint8Array(32);
        const wrapped = await sealPairingShare(place, key, Object(encryptionKey), new Uint8Array(32));
        return { ...answer, keyShares: [{ epoch: 1, wrapped }] };
      },
    ],
    [
      'an endorsement by a device of its own',
      async (answer) => ({
        ...answer,
        endorsement: { ...Object(answer.endorsement), by: '0193f0a0-0000-7000-8000-000000000bad' },
      }),
    ],
    [
      'another account',
      async (answer) => ({ ...answer, account: { ...Object(answer.account), id: 'other' } }),
    ],
  ])('cannot hand a new device %s', async (_what, lie) => {
    const laptop = await registered();
    let lied: Record<string, unknown> = {};
    const fetch: typeof globalThis.fetch = async (input, init) => {
      const response = await globalThis.fetch(input, init);
      if (!String(input).endsWith('/claim') || !response.ok) return response;
      const answer = Object(await response.json());
      lied = await lie(answer, Object(answer.device).encryptionKey);
      return Response.json(lied);
    };
    const phone = await open({ fetch });
    const pairing = await phone.startPairing();
    await laptop.approvePairing(pairing.code);
    await expect(pairing.claim({ pollMs: 10 })).rejects.toMatchObject(untrusted);
    expect(phone.identity).toBeUndefined();
    await expect(phone.vault.list()).resolves.toEqual([]);
  });

  it('cannot plant an epoch key that it made itself', async () => {
    const evil = await createDeviceKeys();
    let isLying = false;
    const storage = memoryStorage();
    const laptop = await registered({ storage });
    const { accountId = '', deviceId = '' } = laptop.identity ?? {};
    await laptop.close();
    let planted = '';
    const fetch = lyingFetch('GET', /sync\/keys$/, (answer) => {
      if (!isLying) return answer;
      return { ...answer, epoch: 2, shares: [...Object(answer.shares), { epoch: 2, wrapped: planted }] };
    });
    const victim = await open({ storage, fetch });
    const own = (await victim.devices())[0];
    const entries = await fetchLog(victim);
    const logHead = await logEntryHash(Object(entries[0]));
    const place = { account: accountId, epoch: 2, recipient: deviceId, minter: deviceId, logHead };
    planted = await sealMintedShare(place, new Uint8Array(32), Object(own?.encryptionKey), evil.signing);
    isLying = true;
    await expect(victim.vault.sync()).rejects.toMatchObject(untrusted);
    await victim.vault.put({ kind: 'entry', id: one, value: 'sealed with the honest key' });
    isLying = false;
    await victim.vault.sync();
    const other = await joined(victim);
    expect(await visible(other)).toEqual({ [one]: ['sealed with the honest key'] });
  });

  it('cannot plant an epoch key with the help of a revoked device', async () => {
    const storage = memoryStorage();
    let planted: unknown;
    let log: unknown[] = [];
    let nowMs = Date.now();
    const fetch = lyingFetch('GET', /sync\/keys$/, (answer) => {
      log = Object(answer.log);
      return planted === undefined ? answer : { ...answer, shares: [...Object(answer.shares), planted] };
    });
    const laptop = await registered({ fetch, now: () => nowMs });
    const phone = await joined(laptop, { storage });
    const phoneId = phone.identity?.deviceId ?? '';
    await phone.close();
    const [own] = await laptop.devices();
    const { accountId = '', deviceId = '' } = laptop.identity ?? {};
    await laptop.revokeDevice(phoneId);

    const stolen = await storage.open();
    const { keys } = JSON.parse((await stolen.read('device')) ?? '{}');
    await stolen.close();
    // The head at which the phone still belonged.
    const logHead = await logEntryHash(Object(log[1]));
    const place = { account: accountId, epoch: 3, recipient: deviceId, minter: phoneId, logHead };
    const key = Object(own?.encryptionKey);
    planted = { epoch: 3, wrapped: await sealMintedShare(place, new Uint8Array(32), key, keys.signing) };
    nowMs += 5 * 60_000;
    await expect(laptop.vault.sync()).rejects.toMatchObject({
      ...untrusted,
      message: expect.stringContaining('old or unknown device log'),
    });
  });

  it('cannot have anything sealed with an old key by withholding the one from after a revocation', async () => {
    let isWithholding = false;
    let nowMs = Date.now();
    const epochs: number[] = [];
    const lying = lyingFetch('GET', /sync\/keys$/, (answer) =>
      isWithholding ? { ...answer, epoch: 1, shares: firstShares(answer) } : answer,
    );
    const laptop = await registered();
    const phone = await joined(laptop, { fetch: pushWatching(epochs, lying), now: () => nowMs });
    const thief = await joined(laptop);
    await phone.vault.sync();
    await laptop.revokeDevice(thief.identity?.deviceId ?? '');
    isWithholding = true;
    nowMs += 5 * 60_000;
    await expect(phone.vault.sync()).rejects.toMatchObject(untrusted);
    const edit = { kind: 'entry', id: one, value: 'not for the thief' } as const;
    await expect(phone.vault.put(edit)).rejects.toMatchObject({ code: 'keys.missing' });

    isWithholding = false;
    await phone.vault.sync();
    await phone.vault.put(edit);
    await phone.vault.sync();
    expect(epochs).toEqual([2]);
  });

  it('cannot have an old key minted again by counting epochs wrongly', async () => {
    const storage = memoryStorage();
    const first = await registered({ storage });
    const thief = await joined(first);
    await first.close();
    const minted: number[] = [];
    const epochs: number[] = [];
    const lying = pushWatching(
      epochs,
      lyingFetch('GET', /sync\/keys$/, (answer) => ({ ...answer, epoch: 0 })),
    );
    const laptop = await open({
      storage,
      fetch: (input, init) => {
        if (init?.method === 'PUT') minted.push(JSON.parse(String(init.body)).epoch);
        return lying(input, init);
      },
    });
    await laptop.revokeDevice(thief.identity?.deviceId ?? '');
    expect(minted).toEqual([2]);
    await laptop.vault.put({ kind: 'entry', id: one, value: 'not for the thief' });
    await laptop.vault.sync();
    expect(epochs).toEqual([2]);
  });

  it('cannot pass off an old epoch as the minted one', async () => {
    let lie: (answer: Record<string, unknown>) => unknown = (answer) => answer;
    const laptop = await registered({ fetch: lyingFetch('PUT', /sync\/keys$/, (answer) => lie(answer)) });
    const thief = await joined(laptop);
    lie = (answer) => ({ ...answer, epoch: 1, shares: firstShares(answer) });
    await expect(laptop.revokeDevice(thief.identity?.deviceId ?? '')).rejects.toMatchObject(untrusted);
    const edit = { kind: 'entry', id: one, value: 'not for the thief' } as const;
    await expect(laptop.vault.put(edit)).rejects.toMatchObject({ code: 'keys.missing' });
  });

  it('cannot keep a client writing for ever by ignoring what it writes', async () => {
    let ignored = 0;
    const ignoring: typeof globalThis.fetch = (input, init) => {
      if (init?.method !== 'PUT') return fetch(input, init);
      ignored += 1;
      return fetch(input, { ...init, method: 'GET', body: null });
    };
    const storage = memoryStorage();
    const first = await registered({ storage });
    const thief = await joined(first);
    await first.close();
    const laptop = await open({ storage, fetch: ignoring });
    await expect(laptop.revokeDevice(thief.identity?.deviceId ?? '')).rejects.toMatchObject(untrusted);
    expect(ignored).toBe(5);
  });

  it('cannot hold back the newest key from a device that joins', async () => {
    const laptop = await registered();
    const thief = await joined(laptop);
    await laptop.revokeDevice(thief.identity?.deviceId ?? '');
    const phone = await open({
      fetch: lyingFetch('POST', /\/claim$/, (answer) => {
        const keyShares: { epoch: number }[] = Object(answer.keyShares);
        expect(keyShares).toHaveLength(2);
        return { ...answer, keyShares: keyShares.filter(({ epoch }) => epoch < 2) };
      }),
    });
    const pairing = await phone.startPairing();
    await laptop.approvePairing(pairing.code);
    await expect(pairing.claim()).rejects.toMatchObject(untrusted);
    expect(phone.identity).toBeUndefined();
  });

  it('cannot plant a key that a device made before it was revoked, in place of the honest one', async () => {
    const storage = memoryStorage();
    let planted: unknown;
    let nowMs = Date.now();
    const lying = lyingFetch('GET', /sync\/keys$/, (answer) =>
      planted === undefined ? answer : { ...answer, shares: [...firstShares(answer), planted] },
    );
    const laptop = await registered();
    const thief = await joined(laptop, { storage });
    const thiefId = thief.identity?.deviceId ?? '';
    await thief.close();
    const phone = await joined(laptop, { fetch: lying, now: () => nowMs });
    const own = (await phone.devices()).find(({ current }) => current);
    const { accountId = '', deviceId = '' } = phone.identity ?? {};
    const stolen = await storage.open();
    const { keys } = JSON.parse((await stolen.read('device')) ?? '{}');
    await stolen.close();
    // The newest head while the thief still belonged; the phone knows none that is newer.
    const { log } = await laptop.api('GET', '/api/v1/sync/keys');
    const logHead = await logEntryHash(Object(log.at(-1)));
    const place = { account: accountId, epoch: 2, recipient: deviceId, minter: thiefId, logHead };
    const key = Object(own?.encryptionKey);
    await laptop.revokeDevice(thiefId);
    planted = { epoch: 2, wrapped: await sealMintedShare(place, new Uint8Array(32), key, keys.signing) };
    nowMs += 5 * 60_000;
    await expect(phone.vault.sync()).rejects.toMatchObject(untrusted);

    planted = undefined;
    await phone.vault.sync();
    await phone.vault.put({ kind: 'entry', id: one, value: 'sealed with the honest key' });
    await phone.vault.sync();
    await laptop.vault.sync();
    expect(await visible(laptop)).toEqual({ [one]: ['sealed with the honest key'] });
  });

  it('cannot make the log invalid by giving a new device the id of one that was revoked', async () => {
    let reused: string | undefined;
    const fetch = lyingFetch('GET', /pairings\/[^/]+$/, (answer) =>
      reused === undefined ? answer : { ...answer, device: { ...Object(answer.device), id: reused } },
    );
    const laptop = await registered({ fetch });
    const old = await joined(laptop);
    await laptop.revokeDevice(old.identity?.deviceId ?? '');
    const phone = await open();
    const pairing = await phone.startPairing();
    reused = old.identity?.deviceId ?? '';
    await expect(laptop.approvePairing(pairing.code)).rejects.toMatchObject({
      ...untrusted,
      message: expect.stringContaining('the id of one that the device log knows'),
    });
    reused = undefined;
    await laptop.approvePairing(pairing.code);
    await pairing.claim();
  });

  it('cannot slip a device into the log, or hide an entry that was seen', async () => {
    let lie: (log: unknown[]) => unknown[] = (log) => log;
    let nowMs = Date.now();
    const fetch = lyingFetch('GET', /sync\/keys$/, (answer) => ({ ...answer, log: lie(Object(answer.log)) }));
    const laptop = await registered({ fetch, now: () => nowMs });
    await joined(laptop);
    const later = () => {
      nowMs += 5 * 60_000;
      return laptop.vault.sync();
    };
    await later();
    lie = (log) => log.slice(0, 1);
    await expect(later()).rejects.toMatchObject(untrusted);
    lie = (log) => [...log, { ...Object(log[1]), deviceId: '0193f0a0-0000-7000-8000-000000000bad' }];
    await expect(later()).rejects.toMatchObject(untrusted);
    lie = (log) => log;
    await later();
  });

  it('cannot spoil what comes later by showing wrong keys of a device that the log does not name yet', async () => {
    let hidden: string | undefined;
    const keys = await createDeviceKeys();
    const wrong = { encryptionKey: keys.encryption.publicKey, signingKey: keys.signing.publicKey };
    const fetch = lyingFetch('GET', /sync\/keys$/, (answer) => {
      const [log, devices] = [Array.from(Object(answer.log)), Array.from(Object(answer.devices))].map(
        (list) => list.map(Object),
      );
      if (hidden === undefined) return answer;
      return {
        ...answer,
        log: log?.filter(({ deviceId }) => deviceId !== hidden),
        devices: devices?.map((device) => (device.id === hidden ? { ...device, ...wrong } : device)),
      };
    });
    let nowMs = Date.now();
    const laptop = await registered({ fetch, now: () => nowMs });
    const phone = await joined(laptop);
    const tablet = await joined(phone);
    hidden = tablet.identity?.deviceId;
    const later = () => {
      nowMs += 5 * 60_000;
      return laptop.vault.sync();
    };
    await later();
    hidden = undefined;
    await tablet.revokeDevice(phone.identity?.deviceId ?? '');
    await tablet.vault.put({ kind: 'entry', id: one, value: 'in the key that the tablet made' });
    await tablet.vault.sync();
    await later();
    expect(await visible(laptop)).toEqual({ [one]: ['in the key that the tablet made'] });
  });

  it('cannot move a payload to another item, or an old payload to a new clock', async () => {
    const laptop = await registered();
    await laptop.vault.put({ kind: 'entry', id: one, value: 'the first' });
    await laptop.vault.put({ kind: 'entry', id: two, value: 'the second' });
    await laptop.vault.sync();
    const fetch = lyingFetch('POST', /sync\/pull$/, (answer) => {
      const [first, second] = Object(answer.changes);
      if (first === undefined || second === undefined) return answer;
      return { ...answer, changes: [{ ...first, payload: second.payload }, second] };
    });
    const phone = await joined(laptop, { fetch });
    const item = await phone.vault.get('entry', one);
    expect(item).toMatchObject({ value: undefined, error: { code: 'vault.unreadable' } });
    expect(await phone.vault.get('entry', two)).toMatchObject({ value: 'the second' });
  });

  it('cannot take an edit away by showing an unreadable one that claims to be newer', async () => {
    let isLying = false;
    const fetch = lyingFetch('POST', /sync\/pull$/, (answer) => {
      if (!isLying) return answer;
      const forged = {
        id: one,
        kind: 'entry',
        op: 'put',
        epoch: 1,
        seq: 99,
        deleted: false,
        payload: 'AQAA',
      };
      const { deviceId = '' } = laptop.identity ?? {};
      return {
        ...answer,
        changes: [{ ...forged, deviceId, time: '2026-11-20T07:16:00.123Z-0000', clock: { [deviceId]: 99 } }],
      };
    });
    const laptop: Client = await registered({ fetch });
    await laptop.vault.put({ kind: 'entry', id: one, value: 'mine' });
    await laptop.vault.sync();
    isLying = true;
    await laptop.vault.sync();
    const item = await laptop.vault.get('entry', one);
    const values = [item, ...(item?.conflict ?? [])].map((version) => version?.value);
    expect(values).toContain('mine');
  });

  it('cannot roll an item back to an older version', async () => {
    let old: unknown;
    let isLying = false;
    const fetch = lyingFetch('POST', /sync\/pull$/, (answer) => {
      const [change] = Object(answer.changes);
      old ??= change;
      return isLying ? { ...answer, changes: [old] } : answer;
    });
    const laptop = await registered({ fetch });
    await laptop.vault.put({ kind: 'entry', id: one, value: 'old' });
    await laptop.vault.sync();
    await laptop.vault.put({ kind: 'entry', id: one, value: 'new' });
    await laptop.vault.sync();
    isLying = true;
    await laptop.vault.sync();
    expect(await visible(laptop)).toEqual({ [one]: ['new'] });
  });
});

/** Notes the epoch of every change that is sent. */
function pushWatching(epochs: number[], inner: typeof fetch = fetch): typeof fetch {
  return (input, init) => {
    if (String(input).endsWith('/sync/push')) {
      for (const { epoch } of JSON.parse(String(init?.body)).changes) epochs.push(epoch);
    }
    return inner(input, init);
  };
}

/** The shares of an answer as they were before the second epoch. */
function firstShares(answer: Record<string, unknown>): { epoch: number }[] {
  const shares: { epoch: number }[] = Object(answer.shares);
  return shares.filter(({ epoch }) => epoch < 2);
}

/** The log as the server shows it to this client. */
async function fetchLog(client: Client): Promise<unknown[]> {
  let log: unknown[] = [];
  const storage = memoryStorage();
  const probe = await open({
    storage,
    fetch: lyingFetch('GET', /sync\/keys$/, (answer) => {
      log = Object(answer.log);
      return answer;
    }),
  });
  await pair(client, probe);
  await probe.close();
  return log;
}
