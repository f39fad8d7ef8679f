/** Copies of a store: nothing that was acknowledged is written over, nothing that anybody wrote is lost. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, memoryStorage, type Storage } from '@alcove/client';
import { createTestClock, startTestServer, type TestServer } from '@alcove/server/testing';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { crashingStorage, faultyFetch } from './faults.ts';
import { backUpForLater, operatorToken } from './operator.ts';
import { createPeople, visible } from './people.ts';

const clock = createTestClock();
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ clock, env: { ALCOVE_OPERATOR_TOKEN: operatorToken } });
});
afterAll(() => server.close());

const { open: openWith, joined } = createPeople(() => ({ url: server.url, now: () => clock.now() }));
const open = (storage: Storage, options = {}) => openWith({ storage, ...options });

/** Everything in it, in a store of its own, as a copy of a disk or a restored backup has it. */
async function copyOf(storage: Storage): Promise<Storage> {
  const [from, copy] = [await storage.open(), memoryStorage()];
  const to = await copy.open();
  await to.write((await from.scan('')).map(([key, value]) => ({ key, value })));
  await Promise.all([from.close(), to.close()]);
  return copy;
}

const shared = 'entry-that-both-edit';
const entry = (id: string, value: unknown) => ({ kind: 'entry', id, value }) as const;
const idOf = (name: string) => `entry-by-${name}`.padEnd(20, '-');

/** A device in sync, and a copy of its store. */
async function original(): Promise<{ first: Client; copied: Storage }> {
  const storage = memoryStorage();
  const first = await open(storage);
  await first.register();
  await first.vault.put(entry(shared, 'before the copy'));
  await first.vault.sync();
  return { first, copied: await copyOf(storage) };
}

/** What a third device sees once both are done. */
async function seenByAnother(...clients: Client[]): Promise<Record<string, unknown[]>> {
  for (const client of [...clients, ...clients]) await client.vault.sync();
  const [first] = clients;
  if (first === undefined) throw new Error('nobody is there');
  const other = await joined(first);
  for (const client of clients) expect(await visible(client)).toEqual(await visible(other));
  return visible(other);
}

describe('a copy of a store', () => {
  it('that is behind becomes a device of its own, and both go on', async () => {
    const { first, copied } = await original();
    await first.vault.put(entry(shared, 'by the first'));
    await first.vault.put(entry(idOf('first'), 'first'));
    await first.vault.sync();
    const second = await open(copied);
    await second.vault.put(entry(shared, 'by the copy'));
    await second.vault.put(entry(idOf('copy'), 'copy'));
    const before = first.identity;
    expect(await second.vault.sync()).toMatchObject({ pushed: 2 });
    expect(await second.vault.status()).toMatchObject({ isCloned: false, unsynced: 0, rejected: [] });
    expect(second.identity?.deviceId).not.toBe(before?.deviceId);
    await first.vault.put(entry(idOf('first'), 'still the first'));
    expect(await seenByAnother(first, second)).toEqual({
      [shared]: ['by the copy', 'by the first'],
      [idOf('first')]: ['still the first'],
      [idOf('copy')]: ['copy'],
    });
    expect(first.identity).toEqual(before);
  });

  it('that is ahead makes the original the one that becomes another', async () => {
    const { first, copied } = await original();
    const second = await open(copied);
    await second.vault.put(entry(shared, 'by the copy'));
    await second.vault.put(entry(idOf('copy'), 'copy'));
    await second.vault.sync();
    await first.vault.put(entry(shared, 'by the first'));
    await first.vault.sync();
    expect(first.identity?.deviceId).not.toBe(second.identity?.deviceId);
    expect(await seenByAnother(first, second)).toEqual({
      [shared]: ['by the copy', 'by the first'],
      [idOf('copy')]: ['copy'],
    });
  });

  it.each(['first', 'copy'] as const)(
    'never writes over the other one, though both numbered their edits alike and tried in vain; the %s comes through first',
    async (quicker) => {
      let isOffline = true;
      const fetch = faultyFetch(() => (isOffline ? 'cut' : undefined));
      const storage = memoryStorage();
      const first = await open(storage, { fetch });
      isOffline = false;
      await first.register();
      await first.vault.put(entry(shared, 'before the copy'));
      await first.vault.sync();
      const second = await open(await copyOf(storage), { fetch });
      isOffline = true;
      await first.vault.put(entry(shared, 'first, once'));
      await first.vault.put(entry(idOf('first'), 'first'));
      await second.vault.put(entry(idOf('copy'), 'copy'));
      await second.vault.put(entry(shared, 'copy, once'));
      for (const client of [first, second])
        await expect(client.vault.sync()).rejects.toMatchObject({ code: 'network' });
      await first.vault.put(entry(shared, 'first, twice'));
      isOffline = false;
      await (quicker === 'first' ? first : second).vault.sync();
      expect(await seenByAnother(first, second)).toEqual({
        [shared]: ['copy, once', 'first, twice'],
        [idOf('first')]: ['first'],
        [idOf('copy')]: ['copy'],
      });
    },
  );

  it('goes on though both sync at the same moment', async () => {
    const { first, copied } = await original();
    const second = await open(copied);
    await first.vault.put(entry(shared, 'first'));
    await second.vault.put(entry(shared, 'copy'));
    await Promise.all([first.vault.sync(), second.vault.sync()]);
    expect(await seenByAnother(first, second)).toEqual({ [shared]: ['copy', 'first'] });
  });

  it('goes on though each ended the session of the other by renewing it', async () => {
    const { first, copied } = await original();
    const second = await open(copied);
    clock.forward(2 * 3_600_000);
    await first.vault.put(entry(shared, 'by the first'));
    await first.vault.sync();
    clock.forward(60_000);
    await second.vault.put(entry(idOf('copy'), 'copy'));
    await second.vault.sync();
    clock.forward(2 * 3_600_000);
    expect(await seenByAnother(first, second)).toEqual({
      [shared]: ['by the first'],
      [idOf('copy')]: ['copy'],
    });
    expect(await first.devices()).toHaveLength(3);
  });

  describe('that is repeated the tokens which the other one got', () => {
    /** The first one renews its session. The copy, whose clock stands, does so later and under the same key. */
    async function renewed() {
      const { first, copied } = await original();
      const nowMs = clock.now();
      const second = await open(copied, { now: () => nowMs });
      clock.forward(2 * 3_600_000);
      await first.vault.sync();
      await second.vault.put(entry(idOf('copy'), 'copy'));
      return { first, second };
    }

    it('goes on by the key of the device when that session has ended', async () => {
      const { first, second } = await renewed();
      await first.logout();
      expect(await second.vault.sync()).toMatchObject({ pushed: 1 });
    });

    it('is told that it is signed out when the device was revoked', async () => {
      const { first, second } = await renewed();
      const other = await joined(first);
      await other.revokeDevice(first.identity?.deviceId ?? '');
      await expect(second.vault.sync()).rejects.toMatchObject({ code: 'auth.signed_out', status: 401 });
      expect(await second.vault.status()).toMatchObject({ unsynced: 1 });
    });
  });

  it('that only reads stays as it is, and notices when it writes on what the other one wrote', async () => {
    const { first, copied } = await original();
    await first.vault.put(entry(shared, 'by the first'));
    await first.vault.sync();
    const second = await open(copied);
    await second.vault.sync();
    expect(second.identity).toEqual(first.identity);
    await second.vault.put(entry(shared, 'by the copy, having read'));
    await second.vault.sync();
    expect(second.identity?.deviceId).not.toBe(first.identity?.deviceId);
    expect(await seenByAnother(first, second)).toEqual({ [shared]: ['by the copy, having read'] });
  });

  it('survives a crash just before and after each write of its becoming another', async () => {
    for (let at = 1; ; at += 1) {
      const moment = at % 2 === 0 ? 'before' : 'after';
      const { first, copied } = await original();
      await first.vault.put(entry(idOf('first'), 'first'));
      await first.vault.sync();
      const mortal = await openWith({
        now: () => clock.now(),
        storage: crashingStorage(copied, at, moment),
      });
      const isWhole = await mortal.vault
        .put(entry(shared, 'by the copy'))
        .then(() => mortal.vault.sync())
        .then(
          () => true,
          () => false,
        );
      await mortal.close();
      const second = await open(copied);
      if (!isWhole) await second.vault.put(entry(shared, 'by the copy'));
      const seen = await seenByAnother(first, second);
      expect(seen[idOf('first')]).toEqual(['first']);
      expect(seen[shared]).toEqual(['by the copy']);
      if (isWhole) return;
    }
  }, 180_000);
});

describe('a push whose answer was lost', () => {
  it.each(['lost-answer', 'doubled', 'torn-answer'] as const)(
    'by a %s is not taken for that of a copy',
    async (fault) => {
      let isFaulty = true;
      const fetch = faultyFetch((_at, url) => (isFaulty && url.endsWith('/sync/push') ? fault : undefined));
      const storage = memoryStorage();
      const before = await open(storage, { fetch });
      const { deviceId } = await before.register();
      await before.vault.put(entry(shared, 'once'));
      await before.vault.sync().catch(() => undefined);
      await before.close();
      isFaulty = false;
      const after = await open(storage);
      await after.vault.put(entry(shared, 'twice'));
      await after.vault.sync();
      expect(after.identity?.deviceId).toBe(deviceId);
      expect(await seenByAnother(after)).toEqual({ [shared]: ['twice'] });
    },
  );
});

describe('a copy whose acknowledged edit a vault that was put back has lost to the original', () => {
  type Cast = { readonly first: Client; readonly other: Client };
  const onTop: [string, (cast: Cast) => Promise<unknown>, string[]][] = [
    ['nothing', async () => undefined, ['by the first']],
    [
      'another edit of its own',
      async ({ first }) => {
        await first.vault.put(entry(shared, 'on top'));
        await first.vault.sync();
      },
      ['on top'],
    ],
    [
      'a deletion',
      async ({ first }) => {
        await first.vault.delete('entry', shared);
        await first.vault.sync();
      },
      [],
    ],
    [
      "another device's edit",
      async ({ other }) => {
        await other.vault.sync();
        await other.vault.put(entry(shared, 'by another device'));
        await other.vault.sync();
      },
      ['by another device'],
    ],
  ];

  it.each(onTop)(
    'brings it back as another device; what the original has numbered alike has %s on top',
    async (_what, put, left) => {
      const folder = await mkdtemp(join(tmpdir(), 'alcove-copies-'));
      onTestFinished(() => rm(folder, { recursive: true }));
      const { first, copied } = await original();
      const other = await joined(first);
      const restore = await backUpForLater({ url: server.url, clock, directory: folder }, first);
      const second = await open(copied);
      await second.vault.put(entry(shared, 'by the copy'));
      await first.vault.put(entry(shared, 'by the first'));
      await second.vault.sync();
      await restore();
      await first.vault.sync();
      await put({ first, other });
      expect(await seenByAnother(first, second, other)).toEqual({
        [shared]: ['by the copy', ...left].sort(),
      });
      expect(second.identity?.deviceId).not.toBe(first.identity?.deviceId);
      for (const client of [first, second])
        expect(await client.vault.status()).toMatchObject({ isCloned: false, unsynced: 0, rejected: [] });
    },
  );

  it('brings back nothing of what the original had sent as well', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'alcove-copies-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const storage = memoryStorage();
    const first = await open(storage);
    await first.register();
    await first.vault.put(entry(idOf('first'), 'before'));
    await first.vault.sync();
    const restore = await backUpForLater({ url: server.url, clock, directory: folder }, first);
    await first.vault.put(entry(shared, 'by the first'));
    await first.vault.sync();
    const second = await open(await copyOf(storage));
    await restore();
    await first.vault.sync();
    await first.vault.put(entry(shared, 'on top'));
    await first.vault.sync();
    expect(await seenByAnother(first, second)).toEqual({ [shared]: ['on top'], [idOf('first')]: ['before'] });
  });
});
