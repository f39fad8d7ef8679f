/** What is deleted is deleted on every device, and a server cannot delete. */
import { type Client, memoryStorage } from '@alcove/client';
import { exportJson } from '@alcove/client/export';
import { importJson } from '@alcove/client/import';
import type { ChangeOut } from '@alcove/contract';
import { canonicalClock } from '@alcove/contract/clock';
import { syncLimits } from '@alcove/contract/limits';
import { createTestClock, startTestServer, type TestServer } from '@alcove/server/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { faultyFetch, lyingFetch } from './faults.ts';
import { createPeople, syncAll, visible } from './people.ts';

const clock = createTestClock();
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterAll(() => server.close());

const { open, registered, joined } = createPeople(() => ({ url: server.url, now: () => clock.now() }));

const kinds = ['entry', 'memory', 'tag'] as const;
const id = 'item-number-one--';
const item = (value: unknown, kind: (typeof kinds)[number] = 'entry') => ({ kind, id, value }) as const;

/** What the vault shows of the item after `cursor`, also when it is deleted. */
async function shownTo(client: Client, cursor?: string): Promise<ChangeOut> {
  const query = cursor === undefined ? {} : { cursor };
  const { changes } = await client.api('GET', '/api/v1/sync/pull', { query });
  const change = changes.find((each) => each.id === id);
  if (change === undefined) throw new Error('the vault does not show the item');
  return change;
}

/** A new device of the account whose server lies about what it pulls, as long as there is a lie. */
async function deceived(known: Client) {
  const server: { lie?: ((change: ChangeOut) => object) | undefined } = {};
  const fetch = lyingFetch('POST', /sync\/pull$/, ({ changes, ...answer }) => ({
    ...answer,
    changes: Array.from(Object(changes), (change: ChangeOut) => server.lie?.(change) ?? change),
  }));
  return { phone: await joined(known, { fetch }), server };
}

const unreadable = { error: { code: 'vault.unreadable' } };

describe('a server', () => {
  /** A living item, a deletion of it from before it was written anew, and an edit of it that the phone has not seen. */
  async function edited(kind: (typeof kinds)[number] = 'entry') {
    const laptop = await registered();
    await laptop.vault.put(item('at first', kind));
    await laptop.vault.sync();
    const { cursor } = await laptop.api('GET', '/api/v1/sync/pull');
    await laptop.vault.delete(kind, id);
    await laptop.vault.sync();
    const deletion = await shownTo(laptop, cursor);
    await laptop.vault.put(item('living', kind));
    await laptop.vault.sync();
    const { phone, server } = await deceived(laptop);
    const living = await shownTo(laptop);
    await laptop.vault.put(item('edited', kind));
    await laptop.vault.sync();
    return { laptop, phone, server, deletion, living };
  }

  it.each<
    [string, (edit: ChangeOut, known: { deletion: ChangeOut; living: ChangeOut; phone: Client }) => object]
  >([
    ['calling an edit a deletion', () => ({})],
    ['leaving its payload out', () => ({ payload: undefined })],
    ['the payload of what it deletes', (_edit, { living }) => ({ payload: living.payload })],
    ['an older deletion', (_edit, { deletion: { payload } }) => ({ payload })],
    [
      'an older deletion with its time',
      (_edit, { deletion: { payload, time, epoch } }) => ({ payload, time, epoch }),
    ],
    ['what is no ciphertext', () => ({ payload: 'AgAA' })],
    ['the name of who is to believe it', (_edit, { phone }) => ({ deviceId: phone.identity?.deviceId })],
    ['counters of its own choice', ({ clock }) => ({ payload: 'AgAA', clock: timesAll(clock, 10) })],
  ])(
    'cannot delete by %s: the item stays, and what does not open is shown beside it',
    async (_how, forge) => {
      const { server, ...known } = await edited();
      const { phone } = known;
      server.lie = (edit) => ({ ...edit, op: 'delete', deleted: true, ...forge(edit, known) });
      await phone.vault.sync();
      const shown = await phone.vault.get('entry', id);
      expect(shown).toMatchObject({
        value: 'living',
        deleted: false,
        conflict: [{ deleted: true, ...unreadable }],
      });
      expect(shown?.error).toBeUndefined();
      expect(await phone.vault.conflicts()).toMatchObject([
        { mine: { value: 'living' }, theirs: [unreadable] },
      ]);
    },
  );

  it.each(kinds)('cannot delete an item of kind %s', async (kind) => {
    const { phone, server } = await edited(kind);
    server.lie = (edit) => ({ ...edit, op: 'delete', deleted: true });
    await phone.vault.sync();
    expect(await phone.vault.list()).toMatchObject([{ kind, value: 'living', conflict: [unreadable] }]);
  });

  it.each([
    ['with counters that are true', 1],
    ['with counters that are not', 10],
  ])('that stops lying is believed again, and nothing of a lie %s stays', async (_what, times) => {
    const { laptop, phone, server } = await edited();
    server.lie = (edit) => ({ ...edit, op: 'delete', deleted: true, clock: timesAll(edit.clock, times) });
    await phone.vault.sync();
    server.lie = undefined;
    await laptop.vault.put(item('edited again'));
    await syncAll(laptop, phone);
    expect(await visible(phone)).toEqual({ [id]: ['edited again'] });
    expect(await phone.vault.conflicts()).toEqual([]);
    await laptop.vault.delete('entry', id);
    await syncAll(laptop, phone);
    expect(await visible(phone)).toEqual({});
  });

  const ways: [string, (phone: Client) => Promise<unknown>][] = [
    ['a put', ({ vault }) => vault.put(item('by the phone'))],
    [
      'a put on what is shown',
      async ({ vault }) => {
        const { version = '' } = (await vault.get('entry', id)) ?? {};
        return vault.put({ ...item('by the phone'), basedOn: version });
      },
    ],
    [
      'a resolution',
      async ({ vault }) => {
        for (const conflict of await vault.conflicts())
          await vault.resolve(conflict, { value: 'by the phone' });
      },
    ],
  ];
  const lies: [string, object][] = [
    ['a deletion', { op: 'delete', deleted: true, payload: 'AgAA' }],
    ['a deletion without payload', { op: 'delete', deleted: true, payload: undefined }],
    ['an edit', { payload: 'AgAA' }],
    ['an edit under a key that nobody has', { epoch: 9 }],
  ];
  it.each(ways.flatMap(([how, write]) => lies.map(([what, lie]) => ({ how, write, what, lie }))))(
    'cannot make $how say that it has seen more than it has, by $what',
    async ({ write, lie }) => {
      const { laptop, phone, server } = await edited();
      server.lie = (edit) => ({ ...edit, ...lie, clock: timesAll(edit.clock, 10) });
      await phone.vault.sync();
      await phone.vault.get('entry', id);
      await write(phone);
      server.lie = undefined;
      await syncAll(phone, phone, laptop);
      expect(await phone.vault.status()).toMatchObject({ unsynced: 0, rejected: [] });
      expect(await visible(laptop)).toEqual({ [id]: ['by the phone', 'edited'] });
      for (const client of [phone, laptop]) {
        for (const conflict of await client.vault.conflicts())
          await client.vault.resolve(conflict, conflict.mine);
        await syncAll(client, laptop, phone);
        expect(await client.vault.conflicts()).toEqual([]);
      }
      expect(await visible(laptop)).toEqual(await visible(phone));
      expect(await phone.vault.status()).toMatchObject({ unsynced: 0, rejected: [] });
    },
  );

  it('cannot use up the counters of a device', async () => {
    const { phone, server } = await edited();
    server.lie = ({ clock, ...edit }) => {
      const own = { [phone.identity?.deviceId ?? '']: syncLimits.counterMax };
      return { ...edit, payload: 'AgAA', clock: { ...clock, ...own } };
    };
    await phone.vault.sync();
    await phone.vault.put(item('by the phone'));
    await phone.vault.sync();
    expect(await phone.vault.status()).toMatchObject({ unsynced: 0, rejected: [] });
  });

  it.each([
    ['author', { deviceId: crypto.randomUUID() }],
    ['time', { time: '2031-01-01T00:00:00.000Z-0000' }],
  ])('cannot name another %s of an edit', async (_what, lie) => {
    const { phone, server } = await edited();
    server.lie = (edit) => ({ ...edit, ...lie });
    await phone.vault.sync();
    expect(await phone.vault.get('entry', id)).toMatchObject({
      ...unreadable,
      conflict: [{ value: 'living' }],
    });
  });

  it.each<[string, Partial<ChangeOut>]>([
    ['author', { deviceId: crypto.randomUUID() }],
    ['time', { time: '2031-01-01T00:00:00.000Z-0000' }],
    ['fate', { op: 'delete', deleted: true, payload: 'AgAA' }],
  ])('cannot name another %s of what is known already', async (_what, lie) => {
    const { phone, server, living } = await edited();
    const before = await phone.vault.get('entry', id);
    server.lie = ({ seq }) => ({ ...living, seq, ...lie });
    await phone.vault.sync();
    expect(await phone.vault.get('entry', id)).toEqual(before);
  });

  it('cannot run the names of a clock together', async () => {
    const { laptop, phone, server } = await edited();
    await phone.vault.sync();
    await phone.vault.put(item('by the phone'));
    await syncAll(phone, laptop);
    await laptop.vault.put(item('by both'));
    await laptop.vault.sync();
    server.lie = (edit) => {
      const [first = '', second = ''] = canonicalClock(edit.clock).split(',');
      const [device = '', counter] = second.split(':');
      return { ...edit, clock: { [`${first},${device}`]: Number(counter) } };
    };
    await expect(phone.vault.sync()).rejects.toMatchObject({ code: 'protocol' });
    expect(await visible(phone)).toEqual({ [id]: ['by the phone'] });
  });
});

describe('a deletion', () => {
  /** An item of the laptop that a program has deleted without sealing it. */
  async function unsealed(kind: (typeof kinds)[number] = 'entry'): Promise<Client> {
    const laptop = await registered();
    await laptop.vault.put(item('by the laptop', kind));
    await laptop.vault.sync();
    const program = await joined(laptop);
    const { clock: seen, epoch, time } = await shownTo(program);
    const change = { kind, id, op: 'delete' as const, epoch, time };
    const own = { [program.identity?.deviceId ?? '']: 1 };
    const { results } = await program.api('POST', '/api/v1/sync/push', {
      body: { changes: [{ ...change, clock: { ...seen, ...own } }] },
    });
    expect(results).toMatchObject([{ status: 'applied' }]);
    await laptop.vault.sync();
    return laptop;
  }

  it('that no device of the account sealed is taken by the vault and believed by none of them', async () => {
    const laptop = await unsealed();
    expect(await visible(laptop)).toEqual({ [id]: ['by the laptop'] });
    expect(await laptop.vault.get('entry', id)).toMatchObject({ conflict: [unreadable] });
    await laptop.vault.put(item('it stays'));
    await laptop.vault.sync();
    expect(await visible(await joined(laptop))).toEqual({ [id]: ['it stays'] });
  });

  it.each(kinds)(
    'that nobody sealed stands beside later edits until it is decided over: %s',
    async (kind) => {
      const laptop = await unsealed(kind);
      await laptop.vault.put(item('it stays', kind));
      await laptop.vault.sync();
      const phone = await joined(laptop);
      for (const client of [laptop, phone]) {
        expect(await client.vault.sync()).toEqual({ pushed: 0, pulled: 0, conflicts: 0 });
        const shown = await client.vault.get(kind, id);
        expect(shown).toMatchObject({ value: 'it stays', conflict: [{ deleted: true, ...unreadable }] });
      }
      const { version = '' } = (await phone.vault.get(kind, id)) ?? {};
      await phone.vault.resolve({ kind, id, version }, { value: 'decided' });
      await syncAll(phone, laptop);
      for (const client of [laptop, phone]) {
        const shown = await client.vault.get(kind, id);
        expect(shown).toMatchObject({ value: 'decided' });
        expect(shown).not.toHaveProperty('conflict');
        expect(await client.vault.status()).toMatchObject({ unsynced: 0, rejected: [] });
      }
    },
  );

  it('ends an item on every device, until it is written anew', async () => {
    const laptop = await registered();
    const phone = await joined(laptop);
    for (const [by, other] of [
      [laptop, phone],
      [phone, laptop],
    ] as const) {
      await by.vault.put(item('written'));
      await syncAll(by, other);
      await by.vault.delete('entry', id);
      await syncAll(by, other);
      for (const client of [laptop, phone]) expect(await client.vault.list()).toEqual([]);
      await other.vault.put(item('written anew'));
      await syncAll(other, by);
      for (const client of [laptop, phone]) expect(await visible(client)).toEqual({ [id]: ['written anew'] });
      expect([await laptop.vault.conflicts(), await phone.vault.conflicts()]).toEqual([[], []]);
    }
  });

  it('beside an edit is a conflict on both sides, in which both versions open', async () => {
    const laptop = await registered();
    await laptop.vault.put(item('before'));
    await laptop.vault.sync();
    const phone = await joined(laptop);
    await laptop.vault.delete('entry', id);
    await phone.vault.put(item('edited'));
    await syncAll(laptop, phone, laptop);
    for (const client of [laptop, phone]) {
      const [conflict] = await client.vault.conflicts();
      const versions = conflict === undefined ? [] : [conflict.mine, ...conflict.theirs];
      expect(versions.map(({ error }) => error)).toEqual([undefined, undefined]);
      expect(versions.map(({ value }) => value).sort()).toEqual(['edited', undefined]);
    }
  });

  it('made offline is sealed with the key of the day when it is sent, and waits for who has no such key yet', async () => {
    let isKept = false;
    const laptop = await registered({
      fetch: faultyFetch((_at, url) => (isKept && url.endsWith('/sync/keys') ? 'cut' : undefined)),
    });
    await laptop.vault.put(item('before'));
    await laptop.vault.sync();
    const [phone, tablet, thief] = [await joined(laptop), await joined(laptop), await joined(laptop)];
    const { cursor } = await laptop.api('GET', '/api/v1/sync/pull');
    await phone.vault.delete('entry', id);
    await tablet.revokeDevice(thief.identity?.deviceId ?? '');
    clock.forward(5 * 60_000);
    await phone.vault.sync();
    expect(await phone.vault.status()).toMatchObject({ unsynced: 0, rejected: [] });
    expect(await shownTo(phone, cursor)).toMatchObject({ deleted: true, epoch: 2 });
    isKept = true;
    clock.forward(-5 * 60_000);
    await expect(laptop.vault.sync()).rejects.toMatchObject({ code: 'network' });
    expect(await laptop.vault.get('entry', id)).toMatchObject({
      value: 'before',
      conflict: [{ deleted: true, error: { code: 'keys.missing' } }],
    });
    isKept = false;
    clock.forward(10 * 60_000);
    await syncAll(laptop, tablet);
    for (const client of [laptop, phone, tablet]) expect(await client.vault.list()).toEqual([]);
  });

  it('that waits in a copied store becomes that of the new device', async () => {
    const storage = memoryStorage();
    const laptop = await registered({ storage });
    await laptop.vault.put(item('before'));
    await laptop.vault.sync();
    const phone = await joined(laptop);
    const { cursor } = await laptop.api('GET', '/api/v1/sync/pull');
    const from = await storage.open();
    const copied = memoryStorage();
    const to = await copied.open();
    await to.write((await from.scan('')).map(([key, value]) => ({ key, value })));
    await Promise.all([from.close(), to.close()]);
    await laptop.vault.put({ kind: 'tag', id, value: 'so that the copy is behind' });
    await laptop.vault.sync();
    const copy = await open({ storage: copied });
    await copy.vault.delete('entry', id);
    await syncAll(copy, phone, laptop);
    expect(copy.identity?.deviceId).not.toBe(laptop.identity?.deviceId);
    const { changes } = await phone.api('GET', '/api/v1/sync/pull', { query: { cursor } });
    expect(changes.find(({ kind }) => kind === 'entry')).toMatchObject({
      deleted: true,
      deviceId: copy.identity?.deviceId,
    });
    for (const client of [phone, laptop, copy]) expect(await client.vault.list('entry')).toEqual([]);
  });

  it('that the vault has forgotten is no conflict on the device that made it, beside an edit that had not seen it', async () => {
    const laptop = await registered();
    await laptop.vault.put(item('before'));
    await laptop.vault.sync();
    const phone = await joined(laptop);
    await phone.vault.delete('entry', id);
    await laptop.vault.put(item('edited'));
    clock.forward(200 * 24 * 3_600_000);
    await syncAll(phone, phone, phone, laptop, phone, laptop);
    for (const client of [laptop, phone]) {
      expect(await visible(client)).toEqual({ [id]: ['edited'] });
      expect(await client.vault.conflicts()).toEqual([]);
    }
  });

  it('is in no export, and an import after it is a new edit everywhere', async () => {
    const laptop = await registered();
    await laptop.vault.put(item('exported'));
    await laptop.vault.sync();
    const phone = await joined(laptop);
    const file = await new Response(exportJson(laptop.vault)).blob();
    await laptop.vault.delete('entry', id);
    await syncAll(laptop, phone);
    expect(JSON.parse(await new Response(exportJson(phone.vault)).text())).toMatchObject({
      items: [],
      count: 0,
    });
    expect(await importJson(phone.vault, file)).toMatchObject({ imported: 1 });
    await syncAll(phone, laptop);
    for (const client of [laptop, phone]) expect(await visible(client)).toEqual({ [id]: ['exported'] });
  });

  it('that the server made up is in no export either: the item is', async () => {
    const laptop = await registered();
    await laptop.vault.put(item('living'));
    await laptop.vault.sync();
    const { phone, server } = await deceived(laptop);
    await laptop.vault.put(item('edited'));
    await laptop.vault.sync();
    server.lie = (edit) => ({ ...edit, op: 'delete', deleted: true, payload: undefined });
    await phone.vault.sync();
    const { items } = JSON.parse(await new Response(exportJson(phone.vault)).text());
    expect(items).toMatchObject([{ id, value: 'living' }]);
    expect(items[0]).not.toHaveProperty('siblings');
  });
});

function timesAll(clock: ChangeOut['clock'], times: number): ChangeOut['clock'] {
  return Object.fromEntries(Object.entries(clock).map(([device, counter]) => [device, counter * times]));
}
