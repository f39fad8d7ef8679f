/** Entries that several devices change at once: what an app is shown, and how it ends. */
import { type Client, type Conflict, memoryStorage, mergeFields } from '@alcove/client';
import { createTestClock, startTestServer, type TestServer } from '@alcove/server/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPeople, pair, syncAll, visible } from './people.ts';

const clock = createTestClock();
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterAll(() => server.close());

const { open } = createPeople(() => ({ url: server.url, now: () => clock.now() }));

const id = 'entry-number-one-';
const entry = (value: unknown) => ({ kind: 'entry', id, value }) as const;

/** Devices of one account, which hold `first` where it is given. */
async function devices<const Count extends 2 | 3>(count: Count, first?: unknown) {
  const clients: Client[] = [];
  for (let at = 0; at < count; at += 1) {
    clients.push(await open());
  }
  const [one, two, three = one] = clients;
  if (one === undefined || two === undefined || three === undefined) throw new Error('too few devices');
  await one.register();
  for (const other of clients.slice(1)) await pair(one, other);
  if (first !== undefined) await one.vault.put(entry(first));
  await syncAll(...clients);
  return [one, two, three] as const;
}

async function conflictsAtTheVault(client: Client): Promise<number> {
  return (await client.api('GET', '/api/v1/sync/pull')).conflictsOpen;
}

async function onlyConflict(client: Client): Promise<Conflict> {
  const [conflict, ...more] = await client.vault.conflicts();
  if (conflict === undefined || more.length > 0) throw new Error(`${more.length} conflicts too many or none`);
  return conflict;
}

describe('a conflict', () => {
  it('is told of with everything that both wrote, and what they wrote it from', async () => {
    const [laptop, phone] = await devices(2, { text: 'base' });
    const heard: Conflict[] = [];
    laptop.vault.on('conflict', (conflict) => heard.push(conflict));
    phone.vault.on('conflict', (conflict) => heard.push(conflict));
    await laptop.vault.put(entry({ text: 'laptop' }));
    await phone.vault.put(entry({ text: 'phone' }));
    await syncAll(laptop, phone, laptop);
    const byLaptop = { value: { text: 'laptop' }, deviceId: laptop.identity?.deviceId, deleted: false };
    const byPhone = { value: { text: 'phone' }, deviceId: phone.identity?.deviceId, deleted: false };
    const rest = { kind: 'entry', id, base: { value: { text: 'base' } } };
    expect(heard).toMatchObject([
      { ...rest, mine: byPhone, theirs: [byLaptop] },
      { ...rest, mine: byLaptop, theirs: [byPhone] },
    ]);
    expect(await phone.vault.conflicts()).toEqual(heard.slice(0, 1));
  });

  it('is none where the account lets the last writer win, also one that was open before', async () => {
    const [laptop, phone] = await devices(2, 'base');
    await laptop.vault.put(entry('laptop'));
    await phone.vault.put(entry('phone'));
    await syncAll(laptop, phone, laptop);
    expect(await laptop.vault.conflicts()).toHaveLength(1);
    await phone.api('PUT', '/api/v1/sync/policy', { body: { entries: 'last-writer-wins' } });
    await syncAll(laptop, phone);
    expect([await laptop.vault.conflicts(), await phone.vault.conflicts()]).toEqual([[], []]);
    const heard: Conflict[] = [];
    for (const { vault } of [laptop, phone]) vault.on('conflict', (conflict) => heard.push(conflict));
    await laptop.vault.put({ ...entry('laptop'), id: 'entry-number-two-' });
    await phone.vault.put({ ...entry('phone'), id: 'entry-number-two-' });
    await syncAll(laptop, phone, laptop);
    expect(heard).toEqual([]);
    expect(await visible(laptop)).toEqual(await visible(phone));
  });

  it('is listed after a restart and without a network, until it is resolved anywhere', async () => {
    const storage = memoryStorage();
    const [laptop, phone] = await devices(2);
    const tablet = await open({ storage });
    await pair(laptop, tablet);
    await tablet.vault.put(entry('tablet'));
    await laptop.vault.put(entry('laptop'));
    await syncAll(laptop, tablet);
    await tablet.close();
    const offline = await open({ storage, fetch: () => Promise.reject(new TypeError()) });
    const { mine, theirs, base } = await onlyConflict(offline);
    expect([mine.value, ...theirs.map(({ value }) => value), base]).toEqual(['tablet', 'laptop', undefined]);
    await offline.close();
    const back = await open({ storage });
    await phone.vault.sync();
    await phone.vault.resolve(await onlyConflict(phone), { value: 'settled' });
    await syncAll(phone, back);
    expect(await back.vault.conflicts()).toEqual([]);
    expect(await visible(back)).toEqual({ [id]: ['settled'] });
    expect(await conflictsAtTheVault(back)).toBe(0);
  });

  it.each<[string, (conflict: Conflict) => Parameters<Client['vault']['resolve']>[1], unknown[]]>([
    ['the own version', ({ mine }) => mine, ['phone']],
    ['the other version', ({ theirs }) => theirs[0] ?? null, ['laptop']],
    ['a new value', () => ({ value: 'both' }), ['both']],
    ['null, which is a value too', () => ({ value: null }), [null]],
    ['merged fields', (conflict) => mergeFields(conflict), ['phone']],
    ['deletion', () => null, []],
  ])('ends everywhere with %s', async (_title, choose, left) => {
    const [laptop, phone] = await devices(2, 'base');
    await laptop.vault.put(entry('laptop'));
    clock.forward(1000);
    await phone.vault.put(entry('phone'));
    await syncAll(laptop, phone);
    const conflict = await onlyConflict(phone);
    await phone.vault.resolve(conflict, choose(conflict));
    await syncAll(phone, laptop);
    for (const client of [laptop, phone]) {
      expect(Object.values(await visible(client)).flat()).toEqual(left);
      expect(await client.vault.conflicts()).toEqual([]);
    }
    expect(await conflictsAtTheVault(phone)).toBe(0);
  });

  it('with a deletion ends by choosing the deletion', async () => {
    const [laptop, phone] = await devices(2, 'base');
    await laptop.vault.delete('entry', id);
    await phone.vault.put(entry('rescued'));
    await syncAll(laptop, phone);
    const conflict = await onlyConflict(phone);
    const [deletion] = conflict.theirs;
    expect(deletion).toMatchObject({ deleted: true });
    await phone.vault.resolve(conflict, deletion ?? null);
    await syncAll(phone, laptop);
    expect([await visible(laptop), await visible(phone)]).toEqual([{}, {}]);
  });

  it('of two deletions is none', async () => {
    const [laptop, phone] = await devices(2, 'base');
    await laptop.vault.delete('entry', id);
    await phone.vault.delete('entry', id);
    await syncAll(laptop, phone, laptop);
    expect([await laptop.vault.conflicts(), await phone.vault.conflicts()]).toEqual([[], []]);
  });

  it('keeps a version that came after the user was shown it, and is told of anew', async () => {
    const [laptop, phone, tablet] = await devices(3, 'base');
    const heard: unknown[] = [];
    phone.vault.on('conflict', ({ theirs }) => heard.push(theirs.map(({ value }) => value).sort()));
    await laptop.vault.put(entry('laptop'));
    await phone.vault.put(entry('phone'));
    await tablet.vault.put(entry('tablet'));
    await syncAll(laptop, phone);
    const shown = await onlyConflict(phone);
    await syncAll(tablet, phone);
    await phone.vault.resolve(shown, { value: 'laptop and phone' });
    await syncAll(phone, laptop);
    expect(heard).toEqual([['laptop'], ['laptop', 'tablet']]);
    for (const client of [laptop, phone]) {
      expect(await visible(client)).toEqual({ [id]: ['laptop and phone', 'tablet'] });
    }
  });

  it('is not about memories and tags, which settle by rule', async () => {
    const [laptop, phone] = await devices(2);
    const heard: Conflict[] = [];
    phone.vault.on('conflict', (conflict) => heard.push(conflict));
    for (const kind of ['memory', 'tag'] as const) {
      await laptop.vault.put({ kind, id, value: 'laptop' });
      await phone.vault.put({ kind, id, value: 'phone' });
    }
    await laptop.vault.sync();
    expect(await phone.vault.sync()).toMatchObject({ conflicts: 0 });
    expect(heard).toEqual([]);
    expect(await phone.vault.conflicts()).toEqual([]);
  });

  it('resolved with what is no version of it fails and leaves it', async () => {
    const [laptop, phone] = await devices(2, 'base');
    await laptop.vault.put(entry('laptop'));
    await phone.vault.put(entry('phone'));
    await syncAll(laptop, phone);
    const conflict = await onlyConflict(phone);
    const code = 'invalid_argument';
    await expect(phone.vault.resolve(conflict, { value: undefined })).rejects.toMatchObject({ code });
    await expect(phone.vault.resolve({ ...conflict, version: 'v1' }, null)).rejects.toMatchObject({ code });
    expect(await phone.vault.conflicts()).toEqual([conflict]);
  });
});

describe('the same written twice', () => {
  const same = { text: 'Imported', tags: ['a'] };
  const reordered = { tags: ['a'], text: 'Imported' };

  it.each<[string, unknown]>([
    ['made at once', undefined],
    ['made of an older version', { text: 'base' }],
  ])('%s is one version on all devices and at the vault, and nobody hears of it', async (_title, first) => {
    const all = await devices(3, first);
    const [laptop, phone, tablet] = all;
    const heard: Conflict[] = [];
    for (const client of all) client.vault.on('conflict', (conflict) => heard.push(conflict));
    await laptop.vault.put(entry(same));
    await phone.vault.put(entry(reordered));
    await Promise.all([laptop.vault.sync(), phone.vault.sync()]);
    await Promise.all([laptop.vault.sync(), phone.vault.sync(), tablet.vault.sync()]);
    await syncAll(laptop, phone, tablet);
    expect(heard).toEqual([]);
    for (const client of all) expect(await visible(client)).toEqual({ [id]: [same] });
    expect(await conflictsAtTheVault(tablet)).toBe(0);
    const shown = await Promise.all(all.map((client) => client.vault.get('entry', id)));
    expect(new Set(shown.map((item) => item?.version)).size).toBe(1);
  });

  it('comes to rest: nothing more is sent or received', async () => {
    const [laptop, phone, tablet] = await devices(3);
    await laptop.vault.put(entry(same));
    await phone.vault.put(entry(same));
    await syncAll(laptop, phone, laptop, phone, tablet);
    const { changes, cursor } = await laptop.api('GET', '/api/v1/sync/pull');
    await syncAll(laptop, phone, tablet, laptop, phone, tablet);
    expect(await laptop.api('GET', '/api/v1/sync/pull')).toMatchObject({ changes, cursor });
  });

  it('takes an edit that only one of them saw as its successor', async () => {
    const [laptop, phone] = await devices(2);
    await laptop.vault.put(entry(same));
    await phone.vault.put(entry(same));
    await syncAll(laptop, phone);
    await phone.vault.put(entry('and on'));
    await laptop.vault.sync();
    await syncAll(phone, laptop);
    expect(await laptop.vault.conflicts()).toEqual([]);
    expect(await visible(laptop)).toEqual({ [id]: ['and on'] });
  });

  it('stands as one beside a third that differs', async () => {
    const [laptop, phone, tablet] = await devices(3);
    await laptop.vault.put(entry(same));
    await phone.vault.put(entry(same));
    await tablet.vault.put(entry('otherwise'));
    await syncAll(laptop, phone, tablet, laptop, phone, tablet);
    for (const client of [laptop, phone, tablet]) {
      const { mine, theirs } = await onlyConflict(client);
      expect([mine, ...theirs].map(({ value }) => JSON.stringify(value)).sort()).toEqual([
        '"otherwise"',
        JSON.stringify(same),
      ]);
    }
  });

  it('as a resolution by two devices at once is no new conflict', async () => {
    const [laptop, phone] = await devices(2);
    await laptop.vault.put(entry('laptop'));
    await phone.vault.put(entry('phone'));
    await syncAll(laptop, phone, laptop);
    await laptop.vault.resolve(await onlyConflict(laptop), { value: 'both' });
    await phone.vault.resolve(await onlyConflict(phone), { value: 'both' });
    await syncAll(laptop, phone, laptop, phone);
    expect([await laptop.vault.conflicts(), await phone.vault.conflicts()]).toEqual([[], []]);
    expect(await conflictsAtTheVault(phone)).toBe(0);
  });
});
