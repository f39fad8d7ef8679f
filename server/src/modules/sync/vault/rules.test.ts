/** What a change has to satisfy beside its clock: the key it is sealed with, the quota, and whose history it is. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { deletionReserveBytes, findOverrun } from './admission.ts';
import {
  change,
  home,
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

const item = (clock: Record<string, number>, members: Record<string, unknown> = {}) =>
  change({ id, clock, ...members });
const outcome = async (device: string, ...changes: unknown[]) =>
  (await vault.push(device, changes)).results.map(({ status, code }) => code ?? status);

describe('a change that is sealed with an older key', () => {
  beforeEach(() => {
    vault.epochs = { epochCurrent: 3, epochOldest: 2 };
  });
  const endGrace = () => {
    vault.epochs = { epochCurrent: 3, epochOldest: 3 };
  };

  test('is taken until the grace is over, and refused from then on', async () => {
    expect(await outcome(laptop, item({ [laptop]: 1 }, { epoch: 2 }))).toEqual(['applied']);
    endGrace();
    const refused = await vault.push(laptop, [item({ [laptop]: 2 }, { epoch: 2 })]);
    expect(refused.results).toMatchObject([
      {
        status: 'rejected',
        code: 'sync.epoch_retired',
        detail: 'epoch must be 3, got 2: seal the change with the current key, as a new edit',
      },
    ]);
    expect(await vault.pullAll(phone)).toMatchObject([{ clock: { [laptop]: 1 } }]);
    expect(await outcome(laptop, item({ [laptop]: 3 }, { epoch: 3 }))).toEqual(['applied']);
  });

  test('is a duplicate where its answer was lost, not something to be sealed anew', async () => {
    const pushed = item({ [laptop]: 1 }, { epoch: 2 });
    await vault.push(laptop, [pushed]);
    endGrace();
    expect(await outcome(laptop, pushed)).toEqual(['duplicate']);
  });

  test('is stale where a newer one has seen it', async () => {
    await vault.push(laptop, [item({ [laptop]: 2 }, { epoch: 3 })]);
    endGrace();
    expect(await outcome(laptop, item({ [laptop]: 1 }, { epoch: 2 }))).toEqual(['stale']);
  });

  test('is taken with any number before the first key was minted, and with a newer one than is known here', async () => {
    endGrace();
    expect(await outcome(laptop, item({ [laptop]: 1 }, { epoch: 4 }))).toEqual(['applied']);
    vault.epochs = { epochCurrent: 0, epochOldest: 0 };
    expect(await outcome(laptop, item({ [laptop]: 2 }, { epoch: 1 }))).toEqual(['applied']);
  });
});

describe('what a vault holds', () => {
  /** The same as the vault counts, from its rows. */
  function recount() {
    return vault.inspect((file) => {
      const tables = ['synced_entries', 'synced_memories', 'synced_tags'];
      const weight =
        'octet_length(clock) + coalesce(octet_length(payload), 0) + coalesce(octet_length(meta), 0) + 200';
      const rows = (table: string) => file.prepare(`SELECT ${weight} AS weight FROM ${table}`).all();
      const live = (table: string) => file.prepare(`SELECT 1 FROM ${table} WHERE live = 1`).all().length;
      return {
        items: tables.reduce((sum, table) => sum + live(table), 0),
        bytes: [...tables, 'siblings'].flatMap(rows).reduce((sum, row) => sum + Number(row.weight), 0),
      };
    });
  }

  const counted = async () => {
    const { items, bytes } = await vault.status();
    return { items, bytes };
  };

  test.skipIf(home === 'remote')('is counted as it is written, whatever happens to it', async () => {
    const other = () => change({ id: newItemId(), clock: { [laptop]: 1 } });
    const steps: [string, () => Promise<unknown>][] = [
      ['new', () => vault.push(laptop, [item({ [laptop]: 1 }), other()])],
      ['a duplicate', () => vault.push(laptop, [item({ [laptop]: 1 })])],
      ['larger', () => vault.push(laptop, [item({ [laptop]: 2 }, { payload: textPayload('longer text') })])],
      ['concurrent', () => vault.push(phone, [item({ [phone]: 1 })])],
      ['refused', () => vault.push(laptop, [item({ [laptop]: 3 }, { epoch: 0 })])],
      ['taken back', () => vault.push(laptop, [item({ [laptop]: 4 }), {}], { atomic: true }).catch(() => 0)],
      ['resolved', () => vault.push(laptop, [item({ [laptop]: 5, [phone]: 1 })])],
      ['deleted', () => vault.push(laptop, [item({ [laptop]: 6, [phone]: 1 }, { op: 'delete' })])],
      ['made again', () => vault.push(phone, [item({ [laptop]: 6, [phone]: 2 })])],
      [
        'deleted at once',
        () => vault.push(phone, [change({ id: newItemId(), op: 'delete', clock: { [phone]: 3 } })]),
      ],
      [
        'a memory',
        () =>
          vault.push(laptop, [
            item({ [laptop]: 7 }, { kind: 'memory', meta: { accessCounts: { [laptop]: 1 } } }),
          ]),
      ],
      [
        'counted',
        () =>
          vault.push(phone, [
            item({ [phone]: 4 }, { kind: 'memory', meta: { accessCounts: { [phone]: 10 } } }),
          ]),
      ],
      ['forgotten', () => vault.tidy([])],
    ];
    for (const [what, step] of steps) {
      await step();
      expect(await counted(), what).toEqual(recount());
    }
    expect((await counted()).items).toBe(3);
  });

  test('is what the items come to that devices see', async () => {
    expect(await counted()).toEqual({ items: 0, bytes: 0 });
    await vault.push(laptop, [item({ [laptop]: 1 }, { payload: 'A'.repeat(1000) })]);
    const { items, bytes } = await counted();
    expect(items).toBe(1);
    expect(bytes).toBeGreaterThan(1000);
    expect(bytes).toBeLessThan(1400);
  });
});

describe('a vault that is full', () => {
  const large = 'A'.repeat(4000);
  const larger = 'A'.repeat(8000);

  beforeEach(async () => {
    const pushed = await vault.push(laptop, [item({ [laptop]: 1 }, { payload: large })]);
    expect(pushed.bytesLeft).toBe(vault.limits.bytes - (await vault.status()).bytes);
    vault.limits = { items: 1, bytes: (await vault.status()).bytes };
  });

  test('refuses what makes it larger, alone, and says how much there is', async () => {
    const { results, bytesLeft } = await vault.push(laptop, [
      item({ [laptop]: 2 }, { payload: larger }),
      change({ id: newItemId(), clock: { [laptop]: 3 }, payload: '' }),
      item({ [laptop]: 4 }, { payload: 'YQ' }),
    ]);
    expect(results.map(({ status, code }) => code ?? status)).toEqual([
      'sync.quota_exceeded',
      'sync.quota_exceeded',
      'applied',
    ]);
    expect(bytesLeft).toBe(large.length - 2);
  });

  test('refuses another item while there are bytes left', async () => {
    vault.limits = { items: 1, bytes: 1_000_000 };
    expect(await outcome(phone, change({ id: newItemId(), clock: { [phone]: 1 } }))).toEqual([
      'sync.quota_exceeded',
    ]);
    expect(await outcome(phone, item({ [laptop]: 1, [phone]: 2 }, { payload: larger }))).toEqual(['applied']);
  });

  test('takes what makes it smaller and what is as large', async () => {
    expect(await outcome(laptop, item({ [laptop]: 2 }, { payload: large.replace('A', 'B') }))).toEqual([
      'applied',
    ]);
    expect(await outcome(laptop, item({ [laptop]: 3 }, { payload: 'YQ' }))).toEqual(['applied']);
  });

  test('takes deletions of what it has, also where they stand beside an edit, and none of what it has not', async () => {
    expect(await outcome(phone, item({ [phone]: 1 }, { op: 'delete' }))).toEqual(['conflict']);
    expect((await vault.push(phone, [])).bytesLeft).toBe(0);
    expect(await outcome(laptop, item({ [laptop]: 2, [phone]: 1 }, { op: 'delete' }))).toEqual(['applied']);
    vault.limits = { items: 1, bytes: 0 };
    const unknown = change({ id: newItemId(), op: 'delete', clock: { [laptop]: 3 } });
    expect(await outcome(laptop, unknown)).toEqual(['sync.quota_exceeded']);
  });

  test.each([
    [1, deletionReserveBytes, undefined],
    [1, deletionReserveBytes + 1, 'sync.quota_exceeded'],
    [0, deletionReserveBytes + 1, undefined],
  ])(
    'with a deletion that adds %i bytes and comes to %i beyond the quota answers %s',
    (grown, beyond, code) => {
      const held = { limits: { items: 1, bytes: 1000 }, items: 1, bytes: 1000 + beyond - grown };
      expect(findOverrun(held, { items: 0, bytes: grown }, { isDeletion: true })?.code).toBe(code);
    },
  );

  test('takes again what it has already: a lost answer is no growth', async () => {
    expect(await outcome(laptop, item({ [laptop]: 1 }, { payload: large }))).toEqual(['duplicate']);
  });

  test('takes a resolution that makes room', async () => {
    vault.limits = { items: 1, bytes: 1_000_000 };
    const { results } = await vault.push(phone, [item({ [phone]: 1 }, { payload: large })]);
    vault.limits = { items: 1, bytes: 0 };
    const resolution = { change: item({ [laptop]: 1, [phone]: 2 }, { payload: large }) };
    expect(await vault.resolve(phone, String(results[0]?.conflictId), resolution)).toMatchObject({
      status: 'applied',
    });
  });
});

describe('a vault that was restored from a backup', () => {
  const restoredAt = '2026-11-20T08:00:00.000Z';
  const before = '2026-11-20T07:59:59.999Z-0000';
  const after = '2026-11-20T08:00:00.001Z-0000';
  const dayMs = 24 * 60 * 60 * 1000;

  const restore = () => vaults.pool.call(vault.name, 'restored', { nowMs: Date.parse(restoredAt) });

  test('takes what another device wrote and it has lost, from whichever device has it, as one version', async () => {
    await restore();
    const lost = item({ [laptop]: 7, [tablet]: 3 }, { time: before, deviceId: laptop });
    const [fromPhone, fromTablet] = await Promise.all([
      vault.push(phone, [lost]),
      vault.push(tablet, [lost]),
    ]);
    expect(fromPhone.results).toMatchObject([{ status: 'applied' }]);
    expect(fromTablet.results).toMatchObject([{ status: 'duplicate' }]);
    const { deviceId: _author, ...own } = lost;
    expect(await outcome(laptop, own)).toEqual(['duplicate']);
    expect(await vault.pullAll(phone)).toMatchObject([
      { deviceId: laptop, clock: { [laptop]: 7, [tablet]: 3 } },
    ]);
  });

  test('learns the counters of what is sent again, so that a store of yesterday is still known as one', async () => {
    await restore();
    await vault.push(phone, [item({ [laptop]: 7 }, { time: before, deviceId: laptop })]);
    expect((await vault.push(laptop, [])).counter).toBe(7);
    await expect(vault.push(laptop, [item({ [laptop]: 5 })], { sentCounter: 4 })).rejects.toMatchObject({
      code: 'sync.device_cloned',
    });
  });

  test('shows a deletion again to who sends what it ended, and to nobody else', async () => {
    const own = item({ [laptop]: 1 });
    await vault.push(laptop, [own]);
    await vault.push(phone, [item({ [laptop]: 1, [phone]: 1 }, { op: 'delete' })]);
    await restore();
    const { cursor } = await vault.pull(laptop);
    expect(await outcome(laptop, own)).toEqual(['stale']);
    expect((await vault.pull(laptop, { cursor })).changes).toEqual([]);
    expect(await outcome(laptop, { ...own, deviceId: laptop })).toEqual(['stale']);
    expect((await vault.pull(laptop, { cursor })).changes).toMatchObject([{ deleted: true, seq: 3 }]);
  });

  test('tells each store of a device with what the first one came, and takes that for sent', async () => {
    await vault.push(laptop, [item({ [laptop]: 1 })], { sentCounter: 0 });
    expect((await vault.push(laptop, [], { sentCounter: 1 })).cameWith).toBeUndefined();
    await restore();
    expect((await vault.push(phone, [item({ [phone]: 5 })], { sentCounter: 4 })).cameWith).toBe(4);
    expect((await vault.push(phone, [], { sentCounter: 7 })).cameWith).toBe(4);
    expect((await vault.push(tablet, [], { sentCounter: 3 })).counter).toBe(3);
    await expect(vault.push(tablet, [item({ [tablet]: 1 })], { sentCounter: 0 })).rejects.toMatchObject({
      code: 'sync.device_cloned',
      extensions: { counter: 3, cameWith: 3 },
    });
    await restore();
    expect((await vault.push(phone, [], { sentCounter: 5 })).cameWith).toBe(5);
  });

  test('takes an edit of what it has lost, although it was made after the restore', async () => {
    await restore();
    expect(await outcome(phone, item({ [laptop]: 7, [phone]: 2 }, { time: after }))).toEqual(['applied']);
  });

  test('takes what was sealed with an older key before the restore, and nothing that was sealed so since', async () => {
    await restore();
    vault.epochs = { epochCurrent: 2, epochOldest: 2 };
    expect(await outcome(phone, item({ [phone]: 1 }, { time: before }))).toEqual(['applied']);
    expect(await outcome(phone, item({ [phone]: 2 }, { time: after }))).toEqual(['sync.epoch_retired']);
  });

  test('takes what it has lost in the key of its time, also from a device whose clock ran ahead', async () => {
    await restore();
    vault.epochs = { epochCurrent: 2, epochOldest: 2 };
    const lost = item({ [laptop]: 7 }, { time: after, deviceId: laptop });
    expect(await outcome(phone, lost)).toEqual(['applied']);
    vault.nowMs += 180 * dayMs;
    const late = item({ [phone]: 3 }, { time: after, deviceId: phone });
    expect(await outcome(phone, late)).toEqual(['sync.epoch_retired']);
  });

  test('tells a cursor from before up to where both histories are one', async () => {
    const { cursor } = await vault.push(laptop, [item({ [laptop]: 1 }), item({ [laptop]: 2 })]);
    await restore();
    await vault.push(laptop, [item({ [laptop]: 3 })]);
    await expect(vault.pull(phone, { cursor })).rejects.toMatchObject({
      code: 'sync.resync_required',
      extensions: { reason: 'restored', knownUpToSeq: 2 },
    });
    expect((await vault.pull(phone)).changes).toHaveLength(1);
  });

  test('is a vault like any other once nobody is waited for who might send something again', async () => {
    await restore();
    vault.nowMs += 180 * dayMs;
    expect(await outcome(phone, item({ [laptop]: 7, [phone]: 1 }))).toEqual(['sync.clock_forged']);
    expect(await outcome(phone, item({ [laptop]: 7 }, { deviceId: laptop }))).toEqual([
      'sync.invalid_change',
    ]);
  });

  test('no vault that was not restored takes a change in the name of another device', async () => {
    await vault.push(laptop, [item({ [laptop]: 7 })]);
    expect(await outcome(phone, item({ [laptop]: 7 }, { deviceId: laptop }))).toEqual([
      'sync.invalid_change',
    ]);
    expect(await outcome(laptop, item({ [laptop]: 8 }, { deviceId: laptop }))).toEqual(['applied']);
  });
});
