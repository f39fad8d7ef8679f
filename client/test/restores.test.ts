/** The vault goes back in time, forgets deletions, retires keys: no device loses what it has, and none brings back what was deleted. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, type ClientOptions, memoryStorage, type Storage } from '@alcove/client';
import { createTestClock, startTestServer, type TestServer } from '@alcove/server/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crashingStorage, faultyFetch, type NetworkFault } from './faults.ts';
import { backUpForLater, operatorToken } from './operator.ts';
import { createPeople, pair, syncAll, visible } from './people.ts';

const dayMs = 24 * 3_600_000;
const clock = createTestClock();
let server: TestServer;
let folder: string;

beforeAll(async () => {
  server = await startTestServer({ clock, env: { ALCOVE_OPERATOR_TOKEN: operatorToken } });
  folder = await mkdtemp(join(tmpdir(), 'alcove-restores-'));
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

type Options = Partial<ClientOptions>;

const { open, registered, joined } = createPeople(() => ({ url: server.url, now: () => clock.now() }));

const backUp = (client: Client) => backUpForLater({ url: server.url, clock, directory: folder }, client);

const idOf = (name: string) => `entry-${name}`.padEnd(20, '-');
const entry = (name: string, value: unknown) => ({ kind: 'entry', id: idOf(name), value }) as const;

/** Two devices whose vault was copied in the middle of their work, and is about to be put back. */
async function worked(options: Options = {}) {
  const laptop = await registered(options);
  const phone = await joined(laptop);
  for (const name of ['edited', 'deleted', 'kept', 'gone'])
    await laptop.vault.put(entry(name, `${name} before`));
  await syncAll(laptop, phone);
  await laptop.vault.delete('entry', idOf('gone'));
  await syncAll(laptop, phone);
  const restore = await backUp(laptop);
  clock.forward(1000);
  await phone.vault.put(entry('edited', 'edited by the phone'));
  await syncAll(phone, laptop);
  await laptop.vault.put(entry('edited', 'edited by both'));
  await laptop.vault.put(entry('new', 'new after the copy'));
  await laptop.vault.put({ kind: 'memory', id: idOf('memory'), value: 'm', meta: { accessCounts: {} } });
  await laptop.vault.delete('entry', idOf('deleted'));
  await laptop.vault.put(entry('gone', 'back again'));
  await syncAll(laptop, phone);
  return { laptop, phone, restore };
}
const everything = {
  [idOf('edited')]: ['edited by both'],
  [idOf('kept')]: ['kept before'],
  [idOf('new')]: ['new after the copy'],
  [idOf('memory')]: ['m'],
  [idOf('gone')]: ['back again'],
};

async function expectEverything(...clients: Client[]): Promise<void> {
  await syncAll(...clients, ...clients);
  const [first] = clients;
  if (first === undefined) throw new Error('nobody is there');
  const newcomer = await joined(first);
  for (const client of [...clients, newcomer]) {
    expect(await visible(client)).toEqual(everything);
    expect(await client.vault.status()).toMatchObject({ unsynced: 0, rejected: [] });
  }
}

describe('after the vault was restored from a backup', () => {
  it('one device sends again all that was lost, also what the other one wrote', async () => {
    const { laptop, phone, restore } = await worked();
    await restore();
    await expectEverything(laptop, phone);
    expect(await phone.vault.get('entry', idOf('edited'))).toMatchObject({
      deviceId: laptop.identity?.deviceId,
    });
  });

  it('two devices that do it at once make no conflict of it', async () => {
    const { laptop, phone, restore } = await worked();
    await restore();
    const results = await Promise.all([laptop.vault.sync(), phone.vault.sync()]);
    expect(results.map(({ conflicts }) => conflicts)).toEqual([0, 0]);
    await expectEverything(phone, laptop);
  });

  it('edits that waited meanwhile arrive, on top of what was lost', async () => {
    const { laptop, phone, restore } = await worked();
    await phone.vault.put(entry('edited', 'offline, before'));
    await restore();
    await phone.vault.put(entry('new', 'offline, after'));
    await syncAll(phone, laptop, phone, laptop);
    const seen = { ...everything, [idOf('edited')]: ['offline, before'], [idOf('new')]: ['offline, after'] };
    for (const client of [phone, laptop, await joined(phone)]) expect(await visible(client)).toEqual(seen);
  });

  it('what was deleted before the copy is not brought back by a device that had not heard of it', async () => {
    const laptop = await registered();
    const phone = await joined(laptop);
    await laptop.vault.put(entry('gone', 'soon'));
    await laptop.vault.put(entry('kept', 'for long'));
    await syncAll(laptop, phone);
    await laptop.vault.delete('entry', idOf('gone'));
    await laptop.vault.sync();
    const restore = await backUp(laptop);
    await restore();
    await syncAll(phone, laptop);
    for (const client of [phone, laptop, await joined(phone)])
      expect(await visible(client)).toEqual({ [idOf('kept')]: ['for long'] });
  });

  it('nothing is lost when it is restored once more before all was sent', async () => {
    let isCut = false;
    const { laptop, phone, restore } = await worked({
      fetch: faultyFetch((_at, url) => (isCut && url.endsWith('/sync/push') ? 'cut' : undefined)),
    });
    await restore();
    isCut = true;
    await expect(laptop.vault.sync()).rejects.toMatchObject({ code: 'network' });
    const again = await backUp(laptop);
    await again();
    isCut = false;
    await expectEverything(laptop, phone);
  });

  it('an edit and a deletion that were acknowledged, and not pulled before the vault lost them, are sent again', async () => {
    let isCut = false;
    const laptop = await open({
      fetch: faultyFetch((_at, url) => (isCut && url.endsWith('/sync/pull') ? 'cut' : undefined)),
    });
    await laptop.register();
    const phone = await joined(laptop);
    for (const name of ['edited', 'deleted']) await laptop.vault.put(entry(name, 'before'));
    await syncAll(laptop, phone);
    const restore = await backUp(laptop);
    isCut = true;
    await laptop.vault.put(entry('edited', 'acknowledged'));
    await laptop.vault.delete('entry', idOf('deleted'));
    await expect(laptop.vault.sync()).rejects.toMatchObject({ code: 'network' });
    expect(await laptop.vault.status()).toMatchObject({ unsynced: 0 });
    isCut = false;
    await restore();
    await syncAll(laptop, phone);
    for (const client of [laptop, phone, await joined(phone)])
      expect(await visible(client)).toEqual({ [idOf('edited')]: ['acknowledged'] });
  });

  it('what was sent again, and not pulled before the vault lost it once more, is sent once more', async () => {
    let pullsLeft = Number.POSITIVE_INFINITY;
    const laptop = await open({
      fetch: faultyFetch((_at, url) => (url.endsWith('/sync/pull') && pullsLeft-- <= 0 ? 'cut' : undefined)),
    });
    await laptop.register();
    const phone = await joined(laptop);
    const restoreEmpty = await backUp(laptop);
    await laptop.vault.put(entry('lost', 'by the laptop alone'));
    await laptop.vault.sync();
    await restoreEmpty();
    for (const name of ['one', 'two', 'three']) await phone.vault.put(entry(name, name));
    await phone.vault.sync();
    const restoreLater = await backUp(laptop);
    // The first is refused, the second shows what the vault has lost; then it is sent.
    pullsLeft = 2;
    await expect(laptop.vault.sync()).rejects.toMatchObject({ code: 'network' });
    pullsLeft = Number.POSITIVE_INFINITY;
    await restoreLater();
    await syncAll(laptop, phone);
    for (const client of [laptop, phone])
      expect(await visible(client)).toMatchObject({ [idOf('lost')]: ['by the laptop alone'] });
  });

  it.each<NetworkFault>(['cut', 'lost-answer', 'torn-answer', 'doubled'])(
    'a %s at any of its requests costs nothing',
    async (fault) => {
      let at = -1;
      let count = 0;
      const { laptop, phone, restore } = await worked({
        fetch: faultyFetch(() => (count++ === at ? fault : undefined)),
      });
      for (let hit = 0; hit < 6; hit += 1) {
        await restore();
        [at, count] = [hit, 0];
        await laptop.vault.sync();
      }
      await expectEverything(laptop, phone);
    },
  );

  it('the end of the program at any of its writes costs nothing', async () => {
    const storage = memoryStorage();
    const { laptop, restore } = await worked({ storage });
    const asBefore = await contentOf(storage);
    await laptop.close();
    for (let at = 0; ; at += 1) {
      await restore();
      const copy = await storeWith(asBefore);
      const mortal = await open({
        now: () => clock.now(),
        storage: crashingStorage(copy, at, at % 2 === 0 ? 'before' : 'after'),
      });
      const isWhole = await mortal.vault.sync().then(
        () => true,
        () => false,
      );
      await mortal.close();
      const after = await open({ storage: copy });
      await after.vault.sync();
      expect(await visible(after)).toEqual(everything);
      expect(await after.vault.status()).toMatchObject({ unsynced: 0, rejected: [] });
      if (isWhole) return;
    }
  });

  it('a device that went back with it writes beside what another one still has of it, and not over it', async () => {
    const storage = memoryStorage();
    const laptop = await registered({ storage });
    const phone = await joined(laptop);
    await laptop.vault.put(entry('edited', 'before'));
    await syncAll(laptop, phone);
    const asBefore = await contentOf(storage);
    const restore = await backUp(laptop);
    await laptop.vault.put(entry('edited', 'before both went back'));
    await syncAll(laptop, phone);
    await laptop.close();
    await restore();
    const again = await open({ storage: await storeWith(asBefore) });
    await again.vault.put(entry('edited', 'after'));
    await again.vault.sync();
    const told: unknown[] = [];
    phone.vault.on('conflict', ({ mine, theirs }) => told.push([mine, ...theirs].map(({ value }) => value)));
    await syncAll(phone, phone, again, phone);
    const both = ['after', 'before both went back'];
    expect(told).toEqual([both]);
    expect(await visible(phone)).toEqual({ [idOf('edited')]: both });
    const [conflict] = await phone.vault.conflicts();
    if (conflict === undefined) throw new Error('there is no conflict');
    await phone.vault.resolve(conflict, { value: both.join(', ') });
    await syncAll(phone, again);
    for (const client of [phone, again])
      expect(await visible(client)).toEqual({ [idOf('edited')]: [both.join(', ')] });
  });
});

async function contentOf(storage: Storage): Promise<[string, string][]> {
  const handle = await storage.open();
  const content = await handle.scan('');
  await handle.close();
  return content;
}

async function storeWith(content: readonly [string, string][]): Promise<Storage> {
  const storage = memoryStorage();
  const handle = await storage.open();
  await handle.write(content.map(([key, value]) => ({ key, value })));
  await handle.close();
  return storage;
}

describe('when the restored vault forgets at once what is deleted, for nobody else is awaited', () => {
  /** A laptop whose phone was away for so long that no deletion waits for it, and a copy of their vault. */
  async function alone() {
    const laptop = await registered();
    const phone = await joined(laptop);
    await laptop.vault.put(entry('kept', 'kept before'));
    await syncAll(laptop, phone);
    clock.forward(200 * dayMs);
    return { laptop, phone, restore: await backUp(laptop) };
  }

  it('a device gives up two versions at once of what another one has deleted', async () => {
    const { laptop, phone, restore } = await alone();
    await laptop.vault.put(entry('gone', 'by the laptop'));
    await phone.vault.put(entry('gone', 'by the phone'));
    await syncAll(laptop, phone, laptop);
    const [conflict] = await laptop.vault.conflicts();
    if (conflict === undefined) throw new Error('there is no conflict');
    await laptop.vault.resolve(conflict, null);
    await restore();
    await syncAll(laptop, laptop, phone, laptop);
    for (const client of [laptop, phone, await joined(phone)]) {
      expect(await visible(client)).toEqual({ [idOf('kept')]: ['kept before'] });
      expect(await client.vault.status()).toMatchObject({ unsynced: 0, rejected: [] });
    }
  });

  it('a device gives up what it had written itself and another one has deleted', async () => {
    const { laptop, phone, restore } = await alone();
    await phone.vault.put(entry('gone', 'gone'));
    await syncAll(phone, laptop);
    await laptop.vault.delete('entry', idOf('gone'));
    await restore();
    await syncAll(laptop, laptop, phone, laptop);
    for (const client of [laptop, phone, await joined(phone)]) {
      expect(await visible(client)).toEqual({ [idOf('kept')]: ['kept before'] });
      expect(await client.vault.status()).toMatchObject({ unsynced: 0, rejected: [] });
    }
  });

  it('a device gives up what another one has deleted', async () => {
    const { laptop, phone, restore } = await alone();
    await laptop.vault.put(entry('gone', 'gone'));
    await syncAll(laptop, phone);
    await laptop.vault.delete('entry', idOf('gone'));
    await restore();
    await syncAll(laptop, laptop);
    const told: string[] = [];
    phone.vault.on('change', ({ id }) => told.push(id));
    await syncAll(phone, laptop);
    expect(told).toContain(idOf('gone'));
    for (const client of [laptop, phone, await joined(phone)]) {
      expect(await visible(client)).toEqual({ [idOf('kept')]: ['kept before'] });
      expect(await client.vault.status()).toMatchObject({ unsynced: 0, rejected: [] });
    }
  });

  it('a device brings what it wrote before it deleted something else', async () => {
    const { laptop, phone, restore } = await alone();
    await laptop.vault.put(entry('new', 'new after the copy'));
    await laptop.vault.put(entry('gone', 'gone'));
    await syncAll(laptop, phone);
    await laptop.vault.delete('entry', idOf('gone'));
    await restore();
    await syncAll(laptop, phone, laptop, phone);
    for (const client of [laptop, phone, await joined(phone)]) {
      expect(await visible(client)).toEqual({
        [idOf('kept')]: ['kept before'],
        [idOf('new')]: ['new after the copy'],
      });
      expect(await client.vault.status()).toMatchObject({ unsynced: 0, rejected: [] });
    }
  });
});

describe('a device that comes back after half a year', () => {
  it('learns of deletions that the vault has forgotten, and brings what it wrote', async () => {
    const laptop = await registered();
    const phone = await joined(laptop);
    for (const name of ['gone', 'kept', 'edited']) await laptop.vault.put(entry(name, name));
    await syncAll(laptop, phone);
    await phone.vault.put(entry('edited', 'on an island'));
    await laptop.vault.delete('entry', idOf('gone'));
    await laptop.vault.sync();
    for (let month = 0; month < 14; month += 1) {
      clock.forward(30 * dayMs);
      await laptop.vault.put(entry('kept', `month ${month}`));
      await laptop.vault.sync();
      await laptop.vault.sync();
    }
    await syncAll(phone, laptop);
    const seen = { [idOf('kept')]: ['month 13'], [idOf('edited')]: ['on an island'] };
    for (const client of [phone, laptop]) expect(await visible(client)).toEqual(seen);
  });

  it('gives up one of two versions that somebody deleted, though the vault shows what was made of the other', async () => {
    const laptop = await registered();
    const [phone, away] = [await joined(laptop), await joined(laptop)];
    await phone.vault.put(entry('both', 'by the phone'));
    await laptop.vault.put(entry('both', 'by the laptop'));
    await syncAll(phone, laptop, away);
    expect(await visible(away)).toEqual({ [idOf('both')]: ['by the laptop', 'by the phone'] });
    clock.forward(200 * dayMs);
    const [conflict] = await laptop.vault.conflicts();
    if (conflict === undefined) throw new Error('there is no conflict');
    await laptop.vault.resolve(conflict, null);
    const floor = async () => {
      clock.forward(dayMs);
      await laptop.vault.sync();
      return (await laptop.api('GET', '/api/v1/sync/status')).floor;
    };
    await expect.poll(floor).toBeGreaterThan(0);
    await phone.vault.put(entry('both', 'by the phone, again'));
    await syncAll(phone, away, laptop);
    for (const client of [phone, away, laptop])
      expect(await visible(client)).toEqual({ [idOf('both')]: ['by the phone, again'] });
  });

  it('and writes what others have deleted and forgotten leaves nobody with a conflict that the vault does not know', async () => {
    const laptop = await registered();
    const phone = await joined(laptop);
    const away = await open();
    await pair(laptop, away);
    await laptop.vault.sync();
    clock.forward(200 * dayMs);
    await laptop.vault.delete('entry', idOf('early'));
    await syncAll(laptop, phone, laptop, phone);
    const floor = async () => {
      clock.forward(dayMs);
      await syncAll(laptop, phone);
      return (await laptop.api('GET', '/api/v1/sync/status')).floor;
    };
    await expect.poll(floor).toBeGreaterThan(0);
    await away.vault.put(entry('early', 'by who was away'));
    await syncAll(away, laptop, phone);
    expect((await laptop.api('GET', '/api/v1/sync/status')).conflictsOpen).toBe(0);
    for (const client of [laptop, phone, away]) {
      expect(await client.vault.conflicts()).toEqual([]);
      expect(await visible(client)).toEqual({ [idOf('early')]: ['by who was away'] });
    }
  });
});

describe('after a device was revoked', () => {
  it('what others wrote offline arrives under the next key, and nothing under the old one does', async () => {
    const sent: string[] = [];
    const laptop = await registered();
    const storage = memoryStorage();
    const phone = await joined(laptop, {
      storage,
      fetch: (input, init) => {
        if (String(input).endsWith('/sync/push')) sent.push(String(init?.body));
        return fetch(input, init);
      },
    });
    const tablet = await joined(laptop);
    await laptop.vault.put(entry('edited', 'before'));
    await syncAll(laptop, phone, tablet);
    await phone.vault.put(entry('edited', 'offline'));
    await phone.vault.put(entry('new', 'offline, too'));
    await phone.vault.delete('entry', idOf('kept'));
    await laptop.revokeDevice(tablet.identity?.deviceId ?? '');
    clock.forward(5 * 60_000);
    expect(await phone.vault.sync()).toMatchObject({ conflicts: 0 });
    expect(await phone.vault.status()).toMatchObject({ unsynced: 0, rejected: [] });
    await laptop.vault.sync();
    const seen = { [idOf('edited')]: ['offline'], [idOf('new')]: ['offline, too'] };
    for (const client of [phone, laptop]) expect(await visible(client)).toEqual(seen);
    const held = await phone.api('GET', '/api/v1/sync/pull');
    expect(held.changes.filter(({ deleted }) => !deleted).map(({ epoch }) => epoch)).toEqual([2, 2]);
    const again = JSON.parse(sent[0] ?? '{}');
    const refused = await phone.api('POST', '/api/v1/sync/push', { body: { changes: again.changes } });
    expect(refused.results.map(({ status }) => status).filter((status) => status === 'applied')).toEqual([]);
  });

  it('an edit whose answer was lost and whose key has been retired since is neither lost nor doubled', async () => {
    let isLost = false;
    const laptop = await registered();
    const phone = await joined(laptop, {
      fetch: faultyFetch((_at, url) => (isLost && url.endsWith('/sync/push') ? 'lost-answer' : undefined)),
    });
    const tablet = await joined(laptop);
    await phone.vault.put(entry('edited', 'sent, as it seemed in vain'));
    isLost = true;
    await expect(phone.vault.sync()).rejects.toMatchObject({ code: 'network' });
    await phone.vault.put(entry('edited', 'and gone on'));
    await laptop.revokeDevice(tablet.identity?.deviceId ?? '');
    clock.forward(2 * dayMs);
    isLost = false;
    await syncAll(phone, laptop, phone);
    for (const client of [phone, laptop])
      expect(await visible(client)).toEqual({ [idOf('edited')]: ['and gone on'] });
    expect(await phone.vault.status()).toMatchObject({ unsynced: 0, rejected: [] });
  });
});
