/** Entries that several devices changed at once: listed, resolved, left to the last writer. */
import { mergeClocks } from '@alcove/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
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

const dayMs = 24 * 60 * 60 * 1000;
const at = (minute: number) => `2026-11-20T07:${String(minute).padStart(2, '0')}:00.000Z-0000`;
const item = (clock: Record<string, number>, members: Record<string, unknown> = {}) =>
  change({ id, clock, ...members });

/** Each device writes the item without knowing of the others; answers the conflict's id. */
async function diverge(...devices: readonly string[]): Promise<string> {
  let conflictId: string | undefined;
  for (const [order, device] of devices.entries()) {
    const version = item({ [device]: 1 }, { payload: textPayload(device), time: at(order) });
    conflictId = (await vault.push(device, [version])).results[0]?.conflictId;
  }
  return String(conflictId);
}

const openCount = async () => (await vault.status()).conflictsOpen;

describe('the list of conflicts', () => {
  test('shows every version that is held, the leading one first', async () => {
    const conflictId = await diverge(laptop, phone, tablet);
    expect(await vault.conflicts()).toEqual({
      data: [
        {
          id: conflictId,
          kind: 'entry',
          itemId: id,
          detectedAt: '2026-11-20T08:00:00.000Z',
          state: 'open',
          versions: [tablet, phone, laptop].map((device, order) => ({
            clock: { [device]: 1 },
            time: at(2 - order),
            deviceId: device,
            epoch: 1,
            deleted: false,
            payload: textPayload(device),
          })),
        },
      ],
      nextCursor: null,
    });
  });

  test('goes from the oldest to the newest, page by page, and shows each once', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 5; count += 1) {
      id = newItemId();
      ids.push(await diverge(laptop, phone));
      vault.nowMs += 1000;
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await vault.conflicts({ limit: 2, ...(cursor === undefined ? {} : { cursor }) });
      expect(page.data.length).toBeLessThanOrEqual(2);
      seen.push(...page.data.map((conflict) => conflict.id));
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    expect(seen).toEqual(ids);
  });

  test('ends a page early where versions are large, and shows at least one', async () => {
    const payload = 'A'.repeat(640 * 1024);
    const ids: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      id = newItemId();
      for (const device of [laptop, phone, tablet]) {
        const { results } = await vault.push(device, [item({ [device]: count + 1 }, { payload })]);
        if (device === tablet) ids.push(String(results[0]?.conflictId));
      }
      vault.nowMs += 1000;
    }
    const first = await vault.conflicts();
    expect(first.data.map((conflict) => conflict.id)).toEqual(ids.slice(0, 2));
    const rest = await vault.conflicts({ cursor: first.nextCursor ?? '' });
    expect(rest).toMatchObject({ data: [{ id: ids[2] }], nextCursor: null });
  });

  test('moves a conflict from the open ones to the resolved ones, which are forgotten after 30 days', async () => {
    const conflictId = await diverge(laptop, phone);
    await vault.push(laptop, [item({ [laptop]: 2, [phone]: 1 })]);
    expect((await vault.conflicts()).data).toEqual([]);
    const resolved = {
      id: conflictId,
      state: 'resolved',
      versions: [{ clock: { [laptop]: 2, [phone]: 1 } }],
    };
    expect((await vault.conflicts({ state: 'resolved' })).data).toMatchObject([resolved]);
    vault.nowMs += 30 * dayMs - 1;
    await vault.tidy([laptop]);
    expect((await vault.conflicts({ state: 'resolved' })).data).toHaveLength(1);
    vault.nowMs += 1;
    await vault.tidy([laptop]);
    expect((await vault.conflicts({ state: 'resolved' })).data).toEqual([]);
  });

  test('is shown with the item to every device that pulls, until nobody has to decide any more', async () => {
    const conflictId = await diverge(laptop, phone);
    const before = await vault.pull(tablet);
    expect(before.changes).toMatchObject([{ id, conflictId, siblings: [{ deviceId: laptop }] }]);
    await vault.push(phone, [item({ [laptop]: 1, [phone]: 2 })]);
    const after = await vault.pull(tablet, { cursor: before.cursor });
    expect(after.changes).toMatchObject([{ id, clock: { [laptop]: 1, [phone]: 2 } }]);
    expect(after.changes[0]).not.toHaveProperty('conflictId');
  });
});

describe('resolving a conflict', () => {
  const both = (members: Record<string, unknown> = {}) => item({ [laptop]: 2, [phone]: 1 }, members);

  test('with a change that has seen every version ends it', async () => {
    const conflictId = await diverge(laptop, phone);
    const result = await vault.resolve(laptop, conflictId, {
      change: both({ payload: textPayload('both') }),
    });
    expect(result).toEqual({ id, status: 'applied', seq: 3 });
    expect(await vault.pull(tablet)).toMatchObject({
      conflictsOpen: 0,
      changes: [{ payload: textPayload('both'), seq: 3 }],
    });
  });

  test('with a deletion ends it as well', async () => {
    const conflictId = await diverge(laptop, phone);
    expect(await vault.resolve(laptop, conflictId, { change: both({ op: 'delete' }) })).toMatchObject({
      status: 'applied',
    });
    expect(await vault.pull(tablet)).toMatchObject({ conflictsOpen: 0, changes: [] });
  });

  test('with one that has not seen all of three is refused, shows what there is, and changes nothing', async () => {
    const conflictId = await diverge(laptop, phone, tablet);
    const before = await vault.pullAll(laptop);
    const result = await vault.resolve(laptop, conflictId, { change: both() });
    expect(result).toEqual({
      id,
      status: 'rejected',
      code: 'sync.versions_unseen',
      detail: '1 of the versions in `current` were not seen: merge their clocks into that of the change',
      current: before[0],
    });
    expect(await vault.pullAll(laptop)).toEqual(before);
    const all = item({ [laptop]: 2, [phone]: 1, [tablet]: 1 });
    expect(await vault.resolve(laptop, conflictId, { change: all })).toMatchObject({ status: 'applied' });
    expect(await openCount()).toBe(0);
  });

  test('again is a duplicate, with its key the very same answer', async () => {
    const conflictId = await diverge(laptop, phone);
    const first = await vault.resolve(laptop, conflictId, { change: both() }, 'key');
    expect(await vault.resolve(laptop, conflictId, { change: both() }, 'key')).toEqual(first);
    expect(await vault.resolve(laptop, conflictId, { change: both() })).toEqual({
      id,
      status: 'duplicate',
      seq: 3,
    });
  });

  test('of two that race the second is told what the first has made of it', async () => {
    const conflictId = await diverge(laptop, phone);
    const fromPhone = item({ [laptop]: 1, [phone]: 2 }, { payload: textPayload('of the phone') });
    const [won, lost] = await Promise.all([
      vault.resolve(laptop, conflictId, { change: both() }),
      vault.resolve(phone, conflictId, { change: fromPhone }),
    ]);
    expect(won).toMatchObject({ status: 'applied' });
    expect(lost).toMatchObject({
      status: 'rejected',
      code: 'sync.versions_unseen',
      current: { clock: { [laptop]: 2, [phone]: 1 } },
    });
    const merged = item({ [laptop]: 2, [phone]: 3 });
    expect(await vault.resolve(phone, conflictId, { change: merged })).toMatchObject({ status: 'applied' });
  });

  test('while another device pushes is refused if that came first, and keeps its edit as a conflict if not', async () => {
    const conflictId = await diverge(laptop, phone);
    const late = item({ [laptop]: 1, [tablet]: 1 });
    const [resolved, pushed] = await Promise.all([
      vault.resolve(laptop, conflictId, { change: both() }),
      vault.push(tablet, [late]),
    ]);
    expect(resolved).toMatchObject({ status: 'applied' });
    expect(pushed.results).toMatchObject([{ status: 'conflict' }]);
    expect(pushed.results[0]?.conflictId).not.toBe(conflictId);
    expect(
      await vault.resolve(phone, conflictId, { change: item({ [laptop]: 2, [phone]: 2 }) }),
    ).toMatchObject({
      code: 'sync.versions_unseen',
    });
    expect((await vault.conflicts()).data).toMatchObject([{ versions: [{}, {}] }]);
  });

  test('by a version that has been superseded since is stale, and shows the one that did', async () => {
    const conflictId = await diverge(laptop, phone);
    await vault.resolve(laptop, conflictId, { change: both() });
    await vault.push(tablet, [item({ [laptop]: 2, [phone]: 1, [tablet]: 1 })]);
    expect(await vault.resolve(phone, conflictId, { change: item({ [phone]: 1 }) })).toMatchObject({
      status: 'stale',
      current: { clock: { [laptop]: 2, [phone]: 1, [tablet]: 1 } },
    });
  });

  test.each<[string, Record<string, unknown>]>([
    ['another item', { id: 'another-entry-0001' }],
    ['another kind', { kind: 'memory' }],
  ])('with a change of %s is refused', async (_, members) => {
    const conflictId = await diverge(laptop, phone);
    expect(await vault.resolve(laptop, conflictId, { change: both(members) })).toMatchObject({
      status: 'rejected',
      code: 'sync.other_item',
    });
    expect(await openCount()).toBe(1);
  });

  test('with a malformed change is refused with the member that is wrong', async () => {
    const conflictId = await diverge(laptop, phone);
    expect(await vault.resolve(laptop, conflictId, { change: both({ epoch: 0 }) })).toMatchObject({
      code: 'sync.invalid_change',
      detail: 'epoch must be an integer from 1 to 2147483647, got 0',
    });
  });

  test.each([{}, { change: {}, colour: 1 }, { change: {}, sentCounter: -1 }, []])(
    'in an envelope that is none is refused whole: %j',
    async (body) => {
      const conflictId = await diverge(laptop, phone);
      await expect(vault.resolve(laptop, conflictId, body)).rejects.toThrow('"outcome":"invalid"');
    },
  );

  test('that is not there is not found', async () => {
    const absent = '00000000-0000-7000-8000-000000000000';
    await expect(vault.resolve(laptop, absent, { change: both() })).rejects.toMatchObject({
      code: 'sync.conflict_not_found',
      status: 404,
    });
  });

  test('by a copy of a store is refused like a push', async () => {
    const conflictId = await diverge(laptop, phone);
    await expect(vault.resolve(laptop, conflictId, { change: both(), sentCounter: 0 })).rejects.toMatchObject(
      {
        code: 'sync.device_cloned',
        extensions: { counter: 1 },
      },
    );
  });
});

describe('a deletion against an edit', () => {
  test('is a conflict that either may win', async () => {
    await vault.push(laptop, [item({ [laptop]: 1 })]);
    await vault.push(laptop, [item({ [laptop]: 2 }, { op: 'delete' })]);
    const { results } = await vault.push(phone, [item({ [laptop]: 1, [phone]: 1 })]);
    const conflictId = String(results[0]?.conflictId);
    const change = item({ [laptop]: 2, [phone]: 2 }, { op: 'delete' });
    expect(await vault.resolve(phone, conflictId, { change })).toMatchObject({ status: 'applied' });
    expect((await vault.pull(tablet)).changes).toEqual([]);
  });
});

describe('making an item again that was deleted', () => {
  beforeEach(async () => {
    await vault.push(laptop, [item({ [laptop]: 4 })]);
    await vault.push(laptop, [item({ [laptop]: 5 }, { op: 'delete' })]);
  });

  test('by a clock that goes on from the deletion is an edit, by whichever device', async () => {
    expect((await vault.push(phone, [item({ [laptop]: 5, [phone]: 1 })])).results).toMatchObject([
      { status: 'applied' },
    ]);
    expect(await openCount()).toBe(0);
  });

  test('by a device that forgot its counter is stale, and is shown the clock to go on from', async () => {
    const { results, counter } = await vault.push(laptop, [item({ [laptop]: 1 })]);
    expect(results).toMatchObject([{ status: 'stale', current: { op: 'delete', clock: { [laptop]: 5 } } }]);
    expect((await vault.push(laptop, [item({ [laptop]: counter + 1 })])).results).toMatchObject([
      { status: 'applied' },
    ]);
  });

  test('by a device that does not know of the deletion is a conflict, and not lost', async () => {
    const { results } = await vault.push(phone, [item({ [phone]: 1 })]);
    expect(results).toMatchObject([{ status: 'conflict' }]);
    expect(await vault.pullAll(tablet)).toMatchObject([{ op: 'put', siblings: [{ deleted: true }] }]);
  });
});

describe('the policy for entries', () => {
  test('is manual, and stands in the status', async () => {
    expect((await vault.status()).policy).toEqual({ entries: 'manual' });
    await vault.setPolicy('last-writer-wins');
    expect((await vault.status()).policy).toEqual({ entries: 'last-writer-wins' });
  });

  test('last-writer-wins merges what is concurrent, keeps all of it and flags nothing', async () => {
    await vault.setPolicy('last-writer-wins');
    await diverge(laptop);
    const { results } = await vault.push(phone, [item({ [phone]: 1 }, { time: at(9) })]);
    expect(results).toEqual([{ id, status: 'merged', seq: 2 }]);
    const [pulled] = await vault.pullAll(tablet);
    expect(pulled).toMatchObject({ deviceId: phone, siblings: [{ deviceId: laptop }] });
    expect(pulled).not.toHaveProperty('conflictId');
    expect(await openCount()).toBe(0);
  });

  test('settles open conflicts when it becomes last-writer-wins, and every device hears of it', async () => {
    const conflictId = await diverge(laptop, phone);
    const before = await vault.pull(tablet);
    await vault.setPolicy('last-writer-wins');
    const after = await vault.pull(tablet, { cursor: before.cursor });
    expect(after).toMatchObject({
      conflictsOpen: 0,
      changes: [{ id, seq: 3, siblings: [{ deviceId: laptop }] }],
    });
    expect(after.changes[0]).not.toHaveProperty('conflictId');
    expect((await vault.conflicts({ state: 'resolved' })).data).toMatchObject([{ id: conflictId }]);
  });

  test('opens no conflict again when it becomes manual, and takes up what becomes concurrent from then on', async () => {
    await diverge(laptop, phone);
    await vault.setPolicy('last-writer-wins');
    await vault.setPolicy('manual');
    expect(await openCount()).toBe(0);
    expect((await vault.push(tablet, [item({ [tablet]: 1 })])).results).toMatchObject([
      { status: 'conflict' },
    ]);
    expect((await vault.conflicts()).data).toMatchObject([{ versions: [{}, {}, {}] }]);
  });

  describe('that becomes last-writer-wins while there are hundreds of conflicts', () => {
    const count = 700;
    beforeEach(async () => {
      const ids = Array.from({ length: count }, newItemId);
      for (const device of [laptop, phone]) {
        for (let from = 0; from < count; from += 350) {
          const changes = ids.slice(from, from + 350).map((id, at) => {
            return change({ id, clock: { [device]: from + at + 1 }, payload: textPayload(device) });
          });
          await vault.push(device, changes);
        }
      }
      expect(await openCount()).toBe(count);
      expect(await vault.setPolicy('last-writer-wins')).toEqual({ isSettled: false });
    });

    /** A conflict that is open still, and the laptop's change that has seen both versions. */
    async function findOpen(): Promise<{ conflictId: string; decision: object }> {
      const [open] = (await vault.conflicts({ limit: 1 })).data;
      if (open === undefined) throw new Error('a conflict is open');
      const { id: conflictId, itemId, versions } = open;
      const clock = { ...mergeClocks(...versions.map((version) => version.clock)), [laptop]: count + 1 };
      return { conflictId, decision: change({ id: itemId, clock }) };
    }

    test('settles the oldest, serves in between, and settles the rest', async () => {
      expect(await openCount()).toBe(200);
      const { conflictId, decision } = await findOpen();
      expect(await vault.resolve(laptop, conflictId, { change: decision })).toMatchObject({
        status: 'applied',
      });
      expect(await openCount()).toBe(199);
      expect((await vault.push(tablet, [item({ [tablet]: 1 })])).results).toMatchObject([
        { status: 'applied' },
      ]);
      expect(await vault.settle()).toEqual({ isSettled: true });
      expect(await openCount()).toBe(0);
      expect((await vault.conflicts()).data).toEqual([]);
      const seen = await vault.pullAll(tablet, 500);
      expect(seen.filter(({ conflictId }) => conflictId !== undefined)).toEqual([]);
      expect(seen.filter(({ siblings }) => siblings?.length === 1)).toHaveLength(count - 1);
    });

    test('ends one early when a version comes that has seen the others', async () => {
      const { decision } = await findOpen();
      await vault.push(laptop, [decision]);
      expect(await openCount()).toBe(199);
    });

    test('leaves the rest open when it becomes manual again before all are settled', async () => {
      await vault.setPolicy('manual');
      expect(await vault.settle()).toEqual({ isSettled: true });
      expect(await openCount()).toBe(200);
    });

    test('goes on with the rest when the vault is tidied, if whoever asked for it is gone', async () => {
      const { cursor } = await vault.pull(tablet, { limit: 500 });
      const { isTidyDue } = await vault.pull(tablet, { cursor, acknowledged: cursor });
      expect(isTidyDue).toBe(true);
      await vault.tidy([laptop, phone, tablet]);
      expect(await openCount()).toBe(0);
    });
  });
});

describe('a device whose clock is a year ahead', () => {
  const yearAhead = (second: number) => `2027-11-20T07:00:${String(second).padStart(2, '0')}.000Z-0000`;

  test('wins by when its edits arrive, and never for ever', async () => {
    await vault.setPolicy('last-writer-wins');
    const leaders: string[] = [];
    for (let round = 1; round <= 3; round += 1) {
      vault.nowMs += 60_000;
      await vault.push(laptop, [item({ [laptop]: round }, { time: yearAhead(round) })]);
      leaders.push(String((await vault.pullAll(tablet))[0]?.deviceId));
      vault.nowMs += 60_000;
      const time = `${new Date(vault.nowMs).toISOString()}-0000`;
      await vault.push(phone, [item({ [phone]: round }, { time })]);
      leaders.push(String((await vault.pullAll(tablet))[0]?.deviceId));
    }
    expect(leaders).toEqual([laptop, phone, laptop, phone, laptop, phone]);
  });
});

describe.skipIf(home === 'remote')('a vault with very many conflicts', () => {
  test.each([
    ['lists some', `SELECT id FROM conflicts WHERE state = 'open' AND id > '' ORDER BY id LIMIT 50`],
    ['finds the newest', 'SELECT max(detected_at) FROM conflicts'],
    ['counts the open', `SELECT count(*) FROM conflicts WHERE state = 'open'`],
  ])('%s without reading all of them', (_, sql) => {
    const steps = vault.inspect((file) => file.prepare(`EXPLAIN QUERY PLAN ${sql}`).all());
    expect(steps).toEqual([expect.objectContaining({ detail: expect.stringContaining('INDEX conflicts_') })]);
  });
});
