/** How deletions are forgotten, and what keeps a forgotten one from coming undone. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  change,
  laptop,
  newItemId,
  phone,
  startTestVaults,
  type TestVault,
  type TestVaults,
  tablet,
  textPayload,
} from './fixtures/test-vaults.ts';

let vaults: TestVaults;
let vault: TestVault;
let id: string;

beforeAll(async () => {
  vaults = await startTestVaults();
});
afterAll(() => vaults[Symbol.asyncDispose]());
beforeEach(async () => {
  vault = await vaults.create();
  id = newItemId();
});

const dayMs = 24 * 60 * 60 * 1000;
const item = (clock: Record<string, number>, members: Record<string, unknown> = {}) =>
  change({ id, clock, ...members });
const outcome = async (device: string, ...changes: unknown[]) =>
  (await vault.push(device, changes)).results.map(({ status, code }) => code ?? status);

/** The device stores everything there is, and says so. */
async function catchUp(device: string): Promise<{ cursor: string; isTidyDue: boolean }> {
  const { cursor } = await vault.pull(device);
  const { isTidyDue } = await vault.pull(device, { cursor, acknowledged: cursor });
  return { cursor, isTidyDue };
}

/** The laptop writes the item as its change 5 and the phone deletes it. */
async function writeAndDelete(): Promise<void> {
  await vault.push(laptop, [item({ [laptop]: 5 })]);
  await vault.push(phone, [
    item({ [laptop]: 5, [phone]: 1 }, { op: 'delete', payload: textPayload('proof') }),
  ]);
}

async function forget(): Promise<void> {
  await writeAndDelete();
  await catchUp(laptop);
  await catchUp(phone);
  expect(await vault.tidy([laptop, phone])).toBe(1);
}

describe('a deletion', () => {
  test('is forgotten once every awaited device has stored it, and its room is free again', async () => {
    await writeAndDelete();
    await catchUp(laptop);
    expect(await vault.tidy([laptop, phone])).toBe(0);
    await catchUp(phone);
    expect(await vault.tidy([laptop, phone])).toBe(1);
    expect(await vault.status()).toMatchObject({ items: 0, bytes: 0, floor: 2 });
  });

  test('waits for a device that is awaited and has never been heard of by the vault', async () => {
    await writeAndDelete();
    await catchUp(laptop);
    await catchUp(phone);
    expect(await vault.tidy([laptop, phone, tablet])).toBe(0);
  });

  test('does not wait for a device that is awaited no more', async () => {
    await catchUp(tablet);
    await writeAndDelete();
    await catchUp(laptop);
    await catchUp(phone);
    expect(await vault.tidy([laptop, phone])).toBe(1);
  });

  test('of which another device keeps an edit is none', async () => {
    await writeAndDelete();
    await vault.push(tablet, [item({ [tablet]: 1 })]);
    for (const device of [laptop, phone, tablet]) await catchUp(device);
    expect(await vault.tidy([laptop, phone, tablet])).toBe(0);
    expect(await vault.pullAll(laptop)).toMatchObject([{ op: 'put', siblings: [{ deleted: true }] }]);
  });

  test('goes with every deletion beside it', async () => {
    await vault.push(laptop, [item({ [laptop]: 1 }, { op: 'delete' })]);
    await vault.push(phone, [item({ [phone]: 1 }, { op: 'delete' })]);
    expect(await vault.tidy([])).toBe(1);
    expect(await vault.status()).toMatchObject({ bytes: 0 });
    expect(await outcome(tablet, item({ [tablet]: 1 }))).toEqual(['applied']);
    expect((await vault.pullAll(laptop))[0]).not.toHaveProperty('siblings');
  });

  test('goes after 180 days although a device has not stored it, which then reads anew', async () => {
    await vault.push(laptop, [item({ [laptop]: 5 })]);
    const { cursor } = await catchUp(tablet);
    await vault.push(phone, [item({ [laptop]: 5, [phone]: 1 }, { op: 'delete' })]);
    await catchUp(laptop);
    await vault.tidy([laptop, tablet]);
    vault.nowMs += 180 * dayMs - 1;
    expect(await vault.tidy([laptop, tablet])).toBe(0);
    vault.nowMs += 1;
    expect(await vault.tidy([laptop, tablet])).toBe(1);
    await expect(vault.pull(tablet, { cursor })).rejects.toMatchObject({
      code: 'sync.resync_required',
      extensions: { reason: 'collected', knownUpToSeq: 2 },
    });
    expect((await vault.pull(tablet)).changes).toEqual([]);
  });

  test('is as old as the service says, whatever the clock of the device that made it', async () => {
    await vault.tidy([laptop, tablet]);
    const longAgo = '2001-01-01T00:00:00.000Z-0000';
    await vault.push(laptop, [item({ [laptop]: 1 }, { op: 'delete', time: longAgo })]);
    vault.nowMs += dayMs;
    expect(await vault.tidy([laptop, tablet])).toBe(0);
  });

  test('is not taken for old because the clock of the service once ran a year ahead', async () => {
    const nowMs = vault.nowMs;
    vault.nowMs = nowMs + 365 * dayMs;
    await vault.tidy([laptop, tablet]);
    vault.nowMs = nowMs;
    await vault.push(laptop, [item({ [laptop]: 1 }, { op: 'delete' })]);
    await vault.tidy([laptop, tablet]);
    vault.nowMs = nowMs + 179 * dayMs;
    expect(await vault.tidy([laptop, tablet])).toBe(0);
  });

  test('that is one of thousands goes with them, a part at a time', async () => {
    const gone = Array.from({ length: 2500 }, (_, at) =>
      change({ id: newItemId(), op: 'delete', clock: { [laptop]: at + 1 } }),
    );
    for (let at = 0; at < gone.length; at += 500) await vault.push(laptop, gone.slice(at, at + 500));
    expect([await vault.tidy([]), await vault.tidy([]), await vault.tidy([])]).toEqual([2000, 500, 0]);
    expect(await vault.status()).toMatchObject({ bytes: 0, floor: 2500 });
  });
});

describe('a reader', () => {
  test('that has come to the floor goes on, and one that has not begins anew', async () => {
    const { cursor: early } = await vault.push(laptop, [change({ id: newItemId(), clock: { [laptop]: 1 } })]);
    await forget();
    const { cursor } = await catchUp(phone);
    expect(await vault.pull(phone, { cursor })).toMatchObject({ changes: [] });
    await expect(vault.pull(phone, { cursor: early })).rejects.toMatchObject({
      extensions: { reason: 'collected', knownUpToSeq: 3 },
    });
  });

  test('in the middle of its first reading goes on although deletions from before it began are forgotten', async () => {
    await vault.push(
      laptop,
      [1, 2, 3].map((counter) => change({ id: newItemId(), clock: { [laptop]: counter } })),
    );
    await writeAndDelete();
    const first = await vault.pull(tablet, { limit: 1 });
    await catchUp(laptop);
    await catchUp(phone);
    expect(await vault.tidy([laptop, phone])).toBe(1);
    const rest = await vault.pull(tablet, { cursor: first.cursor });
    expect(rest).toMatchObject({ changes: [{ seq: 2 }, { seq: 3 }], hasMore: false });
  });

  test('in the middle of its first reading begins anew when a deletion of since then is forgotten', async () => {
    await vault.push(laptop, [change({ id: newItemId(), clock: { [laptop]: 1 } }), item({ [laptop]: 5 })]);
    const first = await vault.pull(tablet, { limit: 1 });
    await vault.push(laptop, [item({ [laptop]: 6 }, { op: 'delete' })]);
    await vault.tidy([]);
    await expect(vault.pull(tablet, { cursor: first.cursor })).rejects.toMatchObject({
      extensions: { reason: 'collected' },
    });
  });
});

describe('after a deletion was forgotten', () => {
  beforeEach(forget);

  test('what it had deleted does not come back by a late or doubled delivery', async () => {
    expect(await outcome(laptop, item({ [laptop]: 5 }))).toEqual(['sync.clock_forgotten']);
    expect(await vault.pullAll(tablet)).toEqual([]);
  });

  test('nor does it stand beside what was made of the item since', async () => {
    expect(await outcome(phone, item({ [phone]: 2 }))).toEqual(['applied']);
    expect(await outcome(laptop, item({ [laptop]: 5 }))).toEqual(['sync.clock_forgotten']);
    expect((await vault.pullAll(tablet))[0]).not.toHaveProperty('siblings');
  });

  test('an edit that its device had not sent is taken as the next one it makes: nothing is lost', async () => {
    const waiting = change({ id: newItemId(), clock: { [laptop]: 4 } });
    expect(await outcome(laptop, waiting)).toEqual(['sync.clock_forgotten']);
    const { counter } = await vault.push(laptop, []);
    expect(await outcome(laptop, { ...waiting, clock: { [laptop]: counter + 1 } })).toEqual(['applied']);
  });

  test('the item can be made again, with the clock that its devices remember and without', async () => {
    expect(await outcome(laptop, item({ [laptop]: 6, [phone]: 1 }))).toEqual(['applied']);
    expect(await outcome(tablet, item({ [laptop]: 6, [phone]: 1, [tablet]: 1 }))).toEqual(['applied']);
  });

  test('an edit that did not know of it is taken: it is not lost to it', async () => {
    expect(await outcome(tablet, item({ [laptop]: 5, [tablet]: 1 }))).toEqual(['applied']);
  });

  test('a device that remembers it may still speak of it, after another one made the item without knowing', async () => {
    expect(await outcome(tablet, item({ [tablet]: 1 }))).toEqual(['applied']);
    expect(await outcome(phone, item({ [laptop]: 5, [phone]: 2 }))).toEqual(['conflict']);
    expect(await outcome(phone, item({ [laptop]: 6, [phone]: 3 }))).toEqual(['sync.clock_forged']);
  });

  test('counters stay, so that a store of yesterday is still known as one', async () => {
    await expect(vault.push(laptop, [item({ [laptop]: 3 })], { sentCounter: 2 })).rejects.toMatchObject({
      code: 'sync.device_cloned',
      extensions: { counter: 5 },
    });
  });
});

describe('what is to be tidied', () => {
  test('is looked for when the last awaited device has stored a deletion, and once a day', async () => {
    await catchUp(laptop);
    await vault.tidy([laptop, phone]);
    await writeAndDelete();
    expect((await catchUp(laptop)).isTidyDue).toBe(false);
    expect((await catchUp(phone)).isTidyDue).toBe(true);
    await vault.tidy([laptop, phone]);
    await vault.push(laptop, [item({ [laptop]: 6, [phone]: 1 })]);
    expect((await catchUp(phone)).isTidyDue).toBe(false);
    vault.nowMs += dayMs;
    await vault.push(laptop, [item({ [laptop]: 7, [phone]: 1 })]);
    expect((await catchUp(phone)).isTidyDue).toBe(true);
  });

  describe('by its age alone is asked for', () => {
    const inDays = () => (vault.nextTidyMs - vault.nowMs) / dayMs;
    const diverge = () =>
      Promise.all([vault.push(laptop, [item({ [laptop]: 1 })]), vault.push(phone, [item({ [phone]: 1 })])]);

    test('once a month where there is nothing', async () => {
      await vault.push(laptop, [item({ [laptop]: 1 })]);
      await vault.tidy([laptop]);
      expect(inDays()).toBe(30);
    });

    test('in two days where answers are kept, which are gone then', async () => {
      await vault.push(laptop, [item({ [laptop]: 1 })], { key: 'k' });
      await vault.tidy([laptop]);
      expect(inDays()).toBe(2);
      vault.nowMs = vault.nextTidyMs;
      await vault.tidy([laptop]);
      expect(inDays()).toBe(30);
    });

    test('when a resolved conflict has been kept for 30 days, and it goes then', async () => {
      await diverge();
      await vault.push(laptop, [item({ [laptop]: 2, [phone]: 1 })]);
      vault.nowMs += 10 * dayMs;
      await vault.tidy([laptop]);
      expect(inDays()).toBe(20);
      expect((await vault.conflicts({ state: 'resolved' })).data).toHaveLength(1);
      vault.nowMs = vault.nextTidyMs;
      await vault.tidy([laptop]);
      expect((await vault.conflicts({ state: 'resolved' })).data).toEqual([]);
    });

    test('so that a deletion goes although nobody ever acknowledges anything', async () => {
      await vault.tidy([laptop, phone]);
      await writeAndDelete();
      const deletedMs = vault.nowMs;
      let looks = 0;
      for (let collected = 0; collected === 0; looks += 1) {
        vault.nowMs = vault.nextTidyMs;
        collected = await vault.tidy([laptop, phone]);
      }
      expect(looks).toBeLessThanOrEqual(8);
      const days = (vault.nowMs - deletedMs) / dayMs;
      expect(days).toBeGreaterThanOrEqual(180);
      expect(days).toBeLessThanOrEqual(212);
      expect(await vault.status()).toMatchObject({ items: 0, bytes: 0 });
    });

    test('at once where one run was not enough', async () => {
      const gone = Array.from({ length: 2001 }, (_, at) =>
        change({ id: newItemId(), op: 'delete', clock: { [laptop]: at + 1 } }),
      );
      for (let at = 0; at < gone.length; at += 500) await vault.push(laptop, gone.slice(at, at + 500));
      await vault.tidy([]);
      expect(inDays()).toBe(0);
      await vault.tidy([]);
      expect(inDays()).toBe(30);
    });
  });

  test('is not looked for when a device says nothing new', async () => {
    const { cursor } = await vault.push(laptop, [item({ [laptop]: 1 })]);
    expect(await vault.pull(phone, { cursor, acknowledged: cursor })).toMatchObject({ isTidyDue: true });
    expect(await vault.pull(phone, { cursor, acknowledged: cursor })).toMatchObject({ isTidyDue: false });
  });
});
