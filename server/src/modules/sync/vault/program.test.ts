import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ChangeOut, parseHybridTime } from '@alcove/contract';
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

const at = (minute: number) => `2026-11-20T07:${String(minute).padStart(2, '0')}:00.000Z-0000`;
const item = (clock: Record<string, number>, members: Record<string, unknown> = {}) =>
  change({ id, clock, ...members });
const pulledItem = async (): Promise<ChangeOut | undefined> =>
  (await vault.pullAll(laptop)).find((each) => each.id === id);
const statuses = ({ results }: { results: readonly { status: string }[] }) =>
  results.map(({ status }) => status);
const codes = ({ results }: { results: readonly { code?: string }[] }) => results.map(({ code }) => code);

describe('a pushed change', () => {
  test.each(['entry', 'memory', 'tag'])('comes back from a pull as it was pushed: %s', async (kind) => {
    const metas: Record<string, unknown> = {
      memory: { sources: [newItemId()], accessCounts: { [laptop]: 2 } },
      tag: { entryId: newItemId(), confidence: 0.25, sourceType: 'ai' },
    };
    const pushed = item({ [laptop]: 1 }, { kind, epoch: 3, ...(kind in metas ? { meta: metas[kind] } : {}) });
    const answer = await vault.push(laptop, [pushed]);
    expect(answer).toMatchObject({
      results: [{ id, status: 'applied', seq: 1 }],
      counter: 1,
      warnings: [],
      serverTime: '2026-11-20T08:00:00.000Z',
    });
    const pulled = await vault.pull(phone);
    expect(pulled).toEqual({
      changes: [{ ...pushed, seq: 1, deviceId: laptop, deleted: false }],
      cursor: answer.cursor,
      hasMore: false,
      conflictsOpen: 0,
      serverTime: '2026-11-20T08:00:00.000Z',
      isTidyDue: false,
    });
  });

  test('again is a duplicate and changes nothing', async () => {
    const pushed = item({ [laptop]: 1 });
    await vault.push(laptop, [pushed]);
    const again = await vault.push(laptop, [pushed]);
    expect(again.results).toEqual([{ id, status: 'duplicate', seq: 1 }]);
    expect((await vault.pull(laptop)).changes).toHaveLength(1);
  });

  test('twice in one batch is taken once', async () => {
    const pushed = item({ [laptop]: 1 });
    expect(statuses(await vault.push(laptop, [pushed, pushed]))).toEqual(['applied', 'duplicate']);
  });

  test('with the clock of another content is refused: the device was cloned or restored', async () => {
    await vault.push(laptop, [item({ [laptop]: 1 })]);
    const reused = await vault.push(laptop, [item({ [laptop]: 1 }, { payload: textPayload('other') })]);
    expect(reused.results).toMatchObject([{ id, status: 'rejected', code: 'sync.clock_reused' }]);
    expect(await pulledItem()).toMatchObject({ payload: textPayload('text') });
  });

  test('that has seen the held version takes its place, at a new sequence number', async () => {
    await vault.push(laptop, [item({ [laptop]: 1 })]);
    const edit = await vault.push(phone, [
      item({ [laptop]: 1, [phone]: 1 }, { payload: textPayload('newer') }),
    ]);
    expect(edit.results).toEqual([{ id, status: 'applied', seq: 2 }]);
    expect(await vault.pullAll(laptop)).toMatchObject([
      { id, seq: 2, payload: textPayload('newer'), deviceId: phone },
    ]);
  });

  test('that the held version has seen is stale, and is shown the current one', async () => {
    await vault.push(laptop, [item({ [laptop]: 1 })]);
    await vault.push(laptop, [item({ [laptop]: 2 }, { payload: textPayload('newer') })]);
    const { results } = await vault.push(laptop, [item({ [laptop]: 1 })]);
    expect(results).toEqual([{ id, status: 'stale', seq: 2, current: await pulledItem() }]);
  });

  test('that is malformed is refused alone', async () => {
    const good = [
      change({ id: newItemId(), clock: { [laptop]: 1 } }),
      change({ id: newItemId(), clock: { [laptop]: 2 } }),
    ];
    const answer = await vault.push(laptop, [good[0], { id: 'x', colour: 1 }, null, good[1]]);
    expect(statuses(answer)).toEqual(['applied', 'rejected', 'rejected', 'applied']);
    expect(answer.results.map((result) => result.id)).toEqual([good[0]?.id, 'x', '', good[1]?.id]);
    expect(codes(answer)).toEqual([undefined, 'sync.invalid_change', 'sync.invalid_change', undefined]);
    expect(answer.counter).toBe(2);
  });

  test('of one kind never touches an item of another kind with the same id', async () => {
    await vault.push(laptop, [item({ [laptop]: 1 }), item({ [laptop]: 2 }, { kind: 'tag' })]);
    expect((await vault.pullAll(laptop)).map(({ kind }) => kind)).toEqual(['entry', 'tag']);
  });
});

describe("only the pusher's own clock entry may grow", () => {
  test("on an item that is there, another device's entry is at most what the vault holds of it", async () => {
    await vault.push(laptop, [item({ [laptop]: 3 })]);
    const forged = await vault.push(phone, [item({ [laptop]: 4, [phone]: 1 })]);
    expect(forged.results).toEqual([
      {
        id,
        status: 'rejected',
        code: 'sync.clock_forged',
        detail: `clock.${laptop} must be at most 3, what the vault has of that device, got 4`,
      },
    ]);
    expect(statuses(await vault.push(phone, [item({ [laptop]: 3, [phone]: 1 })]))).toEqual(['applied']);
  });

  test('on a new item, it is at most what the vault knows of that device', async () => {
    await vault.push(laptop, [change({ id: newItemId(), clock: { [laptop]: 5 } })]);
    expect(codes(await vault.push(phone, [item({ [laptop]: 6, [phone]: 1 })]))).toEqual([
      'sync.clock_forged',
    ]);
    expect(codes(await vault.push(phone, [item({ [tablet]: 1, [phone]: 1 })]))).toEqual([
      'sync.clock_forged',
    ]);
    expect(statuses(await vault.push(phone, [item({ [laptop]: 5, [phone]: 1 })]))).toEqual(['applied']);
  });

  test('a refused change does not teach the vault a counter', async () => {
    const refused = await vault.push(phone, [item({ [laptop]: 6, [phone]: 9 })]);
    expect(refused.counter).toBe(0);
  });
});

describe('concurrent versions', () => {
  const fromLaptop = () => item({ [laptop]: 1 }, { payload: textPayload('from the laptop'), time: at(1) });
  const fromPhone = () => item({ [phone]: 1 }, { payload: textPayload('from the phone'), time: at(2) });

  test('of an entry are both kept, flagged, and retrievable', async () => {
    await vault.push(laptop, [fromLaptop()]);
    const answer = await vault.push(phone, [fromPhone()]);
    expect(answer.results).toEqual([
      { id, status: 'conflict', seq: 2, conflictId: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    ]);
    const page = await vault.pull(tablet);
    expect(page.conflictsOpen).toBe(1);
    expect(page.changes).toEqual([
      {
        ...fromPhone(),
        seq: 2,
        deviceId: phone,
        deleted: false,
        conflictId: answer.results[0]?.conflictId,
        siblings: [
          {
            clock: { [laptop]: 1 },
            time: at(1),
            deviceId: laptop,
            epoch: 1,
            deleted: false,
            payload: textPayload('from the laptop'),
          },
        ],
      },
    ]);
  });

  test.each(['memory', 'tag'])('of a %s merge, and both stay retrievable', async (kind) => {
    await vault.push(laptop, [{ ...fromLaptop(), kind }]);
    const answer = await vault.push(phone, [{ ...fromPhone(), kind }]);
    expect(answer.results).toEqual([{ id, status: 'merged', seq: 2 }]);
    const pulled = await pulledItem();
    expect(pulled).toMatchObject({
      payload: textPayload('from the phone'),
      siblings: [{ payload: textPayload('from the laptop') }],
    });
    expect((await vault.pull(laptop)).conflictsOpen).toBe(0);
  });

  test('of an entry end when a version has seen them all', async () => {
    await vault.push(laptop, [fromLaptop()]);
    await vault.push(phone, [fromPhone()]);
    const resolved = await vault.push(laptop, [
      item({ [laptop]: 2, [phone]: 1 }, { payload: textPayload('both') }),
    ]);
    expect(resolved.results).toEqual([{ id, status: 'applied', seq: 3 }]);
    expect(await vault.pull(phone)).toMatchObject({
      conflictsOpen: 0,
      changes: [{ payload: textPayload('both') }],
    });
    expect(await pulledItem()).not.toHaveProperty('siblings');
  });

  test('of three devices are one conflict, which one that saw two of them does not end', async () => {
    await vault.push(laptop, [fromLaptop()]);
    const [second] = (await vault.push(phone, [fromPhone()])).results;
    const [third] = (await vault.push(tablet, [item({ [tablet]: 1 })])).results;
    expect(third).toMatchObject({ status: 'conflict', conflictId: second?.conflictId });
    const partly = await vault.push(laptop, [item({ [laptop]: 2, [phone]: 1 }, { time: at(9) })]);
    expect(partly.results).toMatchObject([{ status: 'conflict', conflictId: second?.conflictId }]);
    expect((await pulledItem())?.siblings).toMatchObject([{ clock: { [tablet]: 1 } }]);
    expect((await vault.pull(laptop)).conflictsOpen).toBe(1);
  });

  test('a repetition of the one that stands beside is a duplicate', async () => {
    await vault.push(laptop, [fromLaptop()]);
    await vault.push(phone, [fromPhone()]);
    expect(statuses(await vault.push(laptop, [fromLaptop()]))).toEqual(['duplicate']);
  });

  test('an edit of an entry is not lost to its deletion elsewhere, whichever was later', async () => {
    await vault.push(laptop, [item({ [laptop]: 1 })]);
    await vault.push(laptop, [item({ [laptop]: 2 }, { op: 'delete', time: at(9) })]);
    const answer = await vault.push(phone, [
      item({ [laptop]: 1, [phone]: 1 }, { payload: textPayload('edited'), time: at(5) }),
    ]);
    expect(statuses(answer)).toEqual(['conflict']);
    expect(await pulledItem()).toMatchObject({
      op: 'put',
      payload: textPayload('edited'),
      siblings: [{ deleted: true, deviceId: laptop }],
    });
  });

  test('two deletions of one entry leave nothing to decide', async () => {
    await vault.push(laptop, [item({ [laptop]: 1 })]);
    await vault.push(laptop, [item({ [laptop]: 2 }, { op: 'delete' })]);
    expect(statuses(await vault.push(phone, [item({ [laptop]: 1, [phone]: 1 }, { op: 'delete' })]))).toEqual([
      'merged',
    ]);
    expect(await vault.pull(tablet)).toMatchObject({ conflictsOpen: 0, changes: [] });
  });

  test('a tag that was added again while another device removed it is there', async () => {
    await vault.push(laptop, [item({ [laptop]: 1 }, { kind: 'tag' })]);
    await vault.push(phone, [item({ [laptop]: 1, [phone]: 1 }, { kind: 'tag', time: at(1) })]);
    await vault.push(laptop, [item({ [laptop]: 2 }, { kind: 'tag', op: 'delete', time: at(59) })]);
    expect(await pulledItem()).toMatchObject({ deleted: false, deviceId: phone });
  });

  test('a memory whose deletion leads still shows the edit that it did not see, also to a new device', async () => {
    await vault.push(laptop, [item({ [laptop]: 1 }, { kind: 'memory', time: at(1) })]);
    await vault.push(phone, [item({ [phone]: 1 }, { kind: 'memory', op: 'delete', time: at(9) })]);
    expect((await vault.pull(tablet)).changes).toMatchObject([
      { op: 'delete', deleted: true, siblings: [{ payload: textPayload('text') }] },
    ]);
  });

  test("a memory's access counts are joined over all versions and never fall", async () => {
    const memory = (clock: Record<string, number>, accessCounts: Record<string, number>, members = {}) =>
      item(clock, { kind: 'memory', meta: { accessCounts }, ...members });
    await vault.push(laptop, [memory({ [laptop]: 1 }, { [laptop]: 5 }, { time: at(9) })]);
    await vault.push(phone, [memory({ [phone]: 1 }, { [phone]: 3, [laptop]: 1 }, { time: at(1) })]);
    expect((await pulledItem())?.meta).toEqual({ accessCounts: { [laptop]: 5, [phone]: 3 } });
    await vault.push(tablet, [memory({ [laptop]: 1, [phone]: 1, [tablet]: 1 }, { [tablet]: 1 })]);
    expect((await pulledItem())?.meta).toEqual({ accessCounts: { [laptop]: 5, [phone]: 3, [tablet]: 1 } });
  });

  test('are bounded: an item with very many asks its owner to decide first', async () => {
    const strangers = Array.from({ length: 33 }, () => randomUUID());
    const answers = [];
    for (const stranger of strangers) answers.push(await vault.push(stranger, [item({ [stranger]: 1 })]));
    expect(answers.slice(0, 32).flatMap(codes)).toEqual(Array(32).fill(undefined));
    expect(answers.slice(32).flatMap(codes)).toEqual(['sync.too_many_versions']);
    expect((await pulledItem())?.siblings).toHaveLength(31);
  });

  test('are bounded by what they come to, which every push has to read', async () => {
    const strangers = Array.from({ length: 4 }, () => randomUUID());
    const payload = 'A'.repeat(640 * 1024);
    const answers = [];
    for (const stranger of strangers)
      answers.push(await vault.push(stranger, [item({ [stranger]: 1 }, { payload })]));
    expect(answers.flatMap(codes)).toEqual([undefined, undefined, undefined, 'sync.too_many_versions']);
    const seen = Object.fromEntries(strangers.slice(0, 2).map((stranger) => [stranger, 1]));
    const { results } = await vault.push(laptop, [item({ ...seen, [laptop]: 1 }, { payload })]);
    expect(results).toMatchObject([{ status: 'conflict' }]);
  });

  test('are bounded by the devices that they name, too, which every push has to read', async () => {
    const write = (stranger: string) => {
      const accessCounts = Object.fromEntries(Array.from({ length: 1000 }, () => [randomUUID(), 1]));
      return vault.push(stranger, [item({ [stranger]: 1 }, { kind: 'memory', meta: { accessCounts } })]);
    };
    const strangers = Array.from({ length: 4 }, () => randomUUID());
    const answers = [];
    for (const stranger of strangers) answers.push(await write(stranger));
    expect(answers.flatMap(codes)).toEqual([undefined, undefined, undefined, 'sync.too_many_versions']);
    const seen = Object.fromEntries(strangers.slice(0, 3).map((stranger) => [stranger, 1]));
    const { results } = await vault.push(laptop, [item({ ...seen, [laptop]: 1 }, { kind: 'memory' })]);
    expect(results).toMatchObject([{ status: 'applied' }]);
  });
});

describe('a clock that runs ahead', () => {
  const ahead = '2026-11-20T08:05:00.001Z-0000';

  test('by more than 5 minutes is accepted with a warning and does not win by it', async () => {
    const answer = await vault.push(laptop, [item({ [laptop]: 1 }, { kind: 'memory', time: ahead })]);
    expect(answer.results).toMatchObject([{ status: 'applied' }]);
    expect(answer.warnings).toEqual([
      { code: 'sync.clock_ahead', detail: expect.stringContaining('300 s ahead') },
    ]);
    vault.nowMs += 60_000;
    await vault.push(phone, [
      item({ [phone]: 1 }, { kind: 'memory', time: '2026-11-20T08:00:30.000Z-0000' }),
    ]);
    expect(await pulledItem()).toMatchObject({ deviceId: phone, siblings: [{ time: ahead }] });
  });

  test('by up to 5 minutes is taken as it is', async () => {
    expect(
      (await vault.push(laptop, [item({ [laptop]: 1 }, { time: '2026-11-20T08:05:00.000Z-0000' })])).warnings,
    ).toEqual([]);
  });
});

describe('a deletion', () => {
  test('takes the ciphertext out of the item at once, also where an older answer is given again', async () => {
    await vault.push(laptop, [item({ [laptop]: 2 })]);
    await vault.push(laptop, [item({ [laptop]: 1 })], { key: 'stale' });
    await vault.push(laptop, [item({ [laptop]: 3 }, { op: 'delete' })]);
    const stale = await vault.push(laptop, [item({ [laptop]: 2 })]);
    expect(stale.results[0]?.current).not.toHaveProperty('payload');
    const replay = await vault.push(laptop, [item({ [laptop]: 1 })], { key: 'stale' });
    expect(replay).toMatchObject({ isReplay: true, results: [{ status: 'stale' }] });
    expect(replay.results[0]?.current).not.toHaveProperty('payload');
  });

  test.skipIf(home === 'remote')(
    'leaves no trace of the ciphertext in the file once the vault is closed',
    async () => {
      await using closing = await startTestVaults();
      const own = await closing.create();
      const payload = textPayload('a very recognisable ciphertext '.repeat(40));
      await own.push(laptop, [item({ [laptop]: 1 }, { payload })]);
      expect(filesText(closing.directory)).toContain(payload.slice(0, 60));
      await own.push(laptop, [item({ [laptop]: 2 }, { op: 'delete' })]);
      await closing.pool[Symbol.asyncDispose]();
      expect(filesText(closing.directory)).not.toContain(payload.slice(0, 60));
    },
  );

  test('is told to a device that had the item and kept from one that never did', async () => {
    const [kept, gone] = [newItemId(), newItemId()];
    const before = await vault.push(laptop, [
      change({ id: gone, clock: { [laptop]: 1 } }),
      change({ id: kept, clock: { [laptop]: 2 } }),
    ]);
    await vault.push(laptop, [change({ id: gone, op: 'delete', clock: { [laptop]: 3 } })]);
    const known = await vault.pull(phone, { cursor: before.cursor });
    expect(known.changes).toMatchObject([{ id: gone, op: 'delete', deleted: true, seq: 3 }]);
    expect(known.changes[0]).not.toHaveProperty('payload');
    expect((await vault.pull(tablet)).changes.map((each) => each.id)).toEqual([kept]);
  });

  test('comes with what proves it wherever it is shown, and is weighed with it', async () => {
    const proof = textPayload('sealed by a device of the account');
    await vault.push(laptop, [item({ [laptop]: 1 })]);
    const { cursor } = await vault.push(phone, [item({ [laptop]: 1, [phone]: 1 })]);
    const deletion = item({ [laptop]: 2 }, { op: 'delete', payload: proof });
    expect(statuses(await vault.push(laptop, [deletion]))).toEqual(['conflict']);
    const shown = { deleted: true, deviceId: laptop, payload: proof };
    expect((await vault.pull(tablet, { cursor })).changes).toMatchObject([{ op: 'put', siblings: [shown] }]);
    const [conflict] = (await vault.conflicts()).data;
    expect(conflict?.versions).toMatchObject([{ deleted: false }, shown]);
    await vault.resolve(phone, conflict?.id ?? '', {
      change: item({ [laptop]: 2, [phone]: 2 }, { op: 'delete', payload: proof }),
    });
    expect((await vault.pull(tablet, { cursor })).changes).toMatchObject([{ op: 'delete', payload: proof }]);
    const { bytes } = await vault.status();
    await vault.push(phone, [item({ [laptop]: 2, [phone]: 3 }, { op: 'delete' })]);
    expect(bytes - (await vault.status()).bytes).toBe(proof.length);
  });

  test('is the same again only with the same proof', async () => {
    const deletion = (payload?: string) => item({ [laptop]: 2 }, { op: 'delete', payload });
    const proof = textPayload('proof');
    await vault.push(laptop, [item({ [laptop]: 1 }), deletion(proof)]);
    expect(statuses(await vault.push(laptop, [deletion(proof)]))).toEqual(['duplicate']);
    for (const other of [deletion(), deletion(textPayload('other'))]) {
      expect(codes(await vault.push(laptop, [other]))).toEqual(['sync.clock_reused']);
    }
  });

  test('that happens while a new device reads its first pages is told to it', async () => {
    const ids = Array.from({ length: 4 }, newItemId);
    await vault.push(
      laptop,
      ids.map((each, at) => change({ id: each, clock: { [laptop]: at + 1 } })),
    );
    await vault.push(laptop, [change({ id: ids[3], op: 'delete', clock: { [laptop]: 5 } })]);
    const first = await vault.pull(tablet, { limit: 2 });
    await vault.push(laptop, [change({ id: ids[0], op: 'delete', clock: { [laptop]: 6 } })]);
    const second = await vault.pull(tablet, { limit: 2, cursor: first.cursor });
    expect(second).toMatchObject({
      changes: [{ id: ids[2] }, { id: ids[0], deleted: true }],
      hasMore: false,
    });
  });

  test('may be followed by a version that continues its clock, and by none that does not', async () => {
    await vault.push(laptop, [item({ [laptop]: 1 })]);
    await vault.push(laptop, [item({ [laptop]: 2 }, { op: 'delete' })]);
    expect(statuses(await vault.push(laptop, [item({ [laptop]: 1 })]))).toEqual(['stale']);
    expect(statuses(await vault.push(laptop, [item({ [laptop]: 3 })]))).toEqual(['applied']);
    expect(await pulledItem()).toMatchObject({ deleted: false, seq: 3 });
  });
});

describe('an atomic push', () => {
  const other = () => change({ id: newItemId(), clock: { [laptop]: 9 } });

  test('that is whole is like any other', async () => {
    expect(statuses(await vault.push(laptop, [item({ [laptop]: 1 }), other()], { atomic: true }))).toEqual([
      'applied',
      'applied',
    ]);
  });

  test.each<[string, () => Record<string, unknown>, Record<string, unknown>]>([
    ['rejected', () => ({ id, kind: 'photo' }), { status: 'rejected', code: 'sync.invalid_change' }],
    ['stale', () => item({ [laptop]: 1 }), { status: 'stale', current: expect.objectContaining({ seq: 1 }) }],
    ['conflict', () => item({ [laptop]: 1, [tablet]: 1 }), { status: 'rejected', code: 'sync.clock_forged' }],
  ])('with a change that is %s writes nothing and says which', async (_, bad, expected) => {
    await vault.push(laptop, [item({ [laptop]: 2 })]);
    const before = await vault.pull(phone);
    await expect(vault.push(laptop, [other(), bad()], { atomic: true })).rejects.toMatchObject({
      code: 'sync.atomic_failed',
      status: 409,
      extensions: { results: [{ status: 'rejected', code: 'sync.rolled_back' }, expected] },
    });
    expect(await vault.pull(phone)).toEqual(before);
  });

  test('with a conflict writes nothing and opens none', async () => {
    await vault.push(phone, [item({ [phone]: 1 })]);
    const failing = vault.push(laptop, [item({ [laptop]: 1 })], { atomic: true });
    await expect(failing).rejects.toMatchObject({ extensions: { results: [{ id, status: 'conflict' }] } });
    expect(await vault.pull(laptop)).toMatchObject({
      conflictsOpen: 0,
      changes: [{ deviceId: phone, seq: 1 }],
    });
  });
});

describe('a push with an Idempotency-Key', () => {
  test('that is repeated answers the same and does nothing', async () => {
    const first = await vault.push(laptop, [item({ [laptop]: 1 }), { id: 'bad' }], { key: 'k' });
    vault.nowMs += 60_000;
    const second = await vault.push(laptop, [item({ [laptop]: 1 }), { id: 'bad' }], { key: 'k' });
    expect(second).toEqual({ ...first, isReplay: true });
  });

  test('that is repeated with its members in another order is the same request', async () => {
    const { id: itemId, ...rest } = item({ [laptop]: 1 });
    await vault.push(laptop, [{ id: itemId, ...rest }], { key: 'k' });
    expect((await vault.push(laptop, [{ ...rest, id: itemId }], { key: 'k' })).isReplay).toBe(true);
  });

  test.each<[string, (key: string) => Promise<unknown>]>([
    ['another body', (key) => vault.push(laptop, [item({ [laptop]: 2 })], { key })],
    ['another device', (key) => vault.push(phone, [item({ [laptop]: 1 })], { key })],
    ['atomic', (key) => vault.push(laptop, [item({ [laptop]: 1 })], { key, atomic: true })],
  ])('that belongs to another request is refused: %s', async (_, repeat) => {
    await vault.push(laptop, [item({ [laptop]: 1 })], { key: 'k' });
    await expect(repeat('k')).rejects.toMatchObject({ code: 'idempotency.key_reused', status: 422 });
  });

  test('keeps no copy of what its answer shows, and shows it as it is by then', async () => {
    const payload = 'A'.repeat(100_000);
    await vault.push(laptop, [item({ [laptop]: 2 }, { payload })]);
    const stale = item({ [laptop]: 1 });
    const first = await vault.push(laptop, [stale], { key: 'k' });
    expect(first.results).toMatchObject([{ status: 'stale', current: { clock: { [laptop]: 2 }, payload } }]);
    await vault.push(laptop, [item({ [laptop]: 3 }, { payload: 'YQ' })]);
    const again = await vault.push(laptop, [stale], { key: 'k' });
    expect(again).toMatchObject({
      isReplay: true,
      results: [{ status: 'stale', current: { clock: { [laptop]: 3 }, payload: 'YQ' } }],
    });
    await vault.push(laptop, [item({ [laptop]: 4 }, { op: 'delete' })]);
    const { cursor } = await vault.pull(laptop);
    await vault.pull(laptop, { cursor, acknowledged: cursor });
    expect(await vault.tidy([laptop])).toBe(1);
    const last = await vault.push(laptop, [stale], { key: 'k' });
    expect(last.results).toEqual([{ id: stale.id, status: 'stale', seq: expect.any(Number) }]);
  });

  test('is kept for 24 hours', async () => {
    await vault.push(laptop, [item({ [laptop]: 1 })], { key: 'k' });
    vault.nowMs += 24 * 60 * 60 * 1000;
    expect(await vault.push(laptop, [item({ [laptop]: 1 })], { key: 'k' })).toMatchObject({
      isReplay: false,
      results: [{ status: 'duplicate' }],
    });
  });

  test.skipIf(home === 'remote')('takes little room, and whatever comes there is a bound to it', async () => {
    const many = Array.from({ length: 500 }, (_, at) =>
      item({ [laptop]: at + 1 }, { id: `item-${String(at).padStart(20, '0')}` }),
    );
    const first = await vault.push(laptop, many, { key: 'k' });
    const stored = vault.inspect((file) => file.prepare('SELECT * FROM idempotency').get());
    expect(JSON.stringify(stored).length).toBeLessThan(500);
    expect(await vault.push(laptop, many, { key: 'k' })).toEqual({ ...first, isReplay: true });
    vault.inspect((file) =>
      file.exec(`WITH RECURSIVE many (at) AS (SELECT 1 UNION ALL SELECT at + 1 FROM many WHERE at < 6000)
        INSERT INTO idempotency (key, fingerprint, answer, expires_at_ms)
        SELECT 'other-' || at, '', '', ${vault.nowMs + 1000} FROM many`),
    );
    await vault.push(laptop, [], { key: 'last' });
    const kept = vault.inspect((file) => file.prepare('SELECT count(*) AS count FROM idempotency').get());
    expect(kept).toEqual({ count: 5000 });
    expect(await vault.push(laptop, [], { key: 'last' })).toMatchObject({ isReplay: true });
    expect(await vault.push(laptop, many, { key: 'k' })).toMatchObject({ isReplay: false });
  });

  test('of nonsense that is nested very deeply is refused, and leaves the key free', async () => {
    const pushChanges = (changes: string) =>
      vaults.pool.call(vault.name, 'push', {
        body: Buffer.from(`{"changes":[${changes}]}`),
        deviceId: laptop,
        idempotencyKey: 'k',
        nowMs: vault.nowMs,
        epochs: vault.epochs,
        limits: vault.limits,
      });
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    expect(await pushChanges(deep)).toMatchObject({ outcome: 'invalid' });
    expect(await pushChanges('')).toMatchObject({ outcome: 'answered', isReplay: false });
  });
});

describe('a push request', () => {
  const pushBody = (body: string | Buffer) =>
    vaults.pool.call(vault.name, 'push', {
      body: Buffer.from(body),
      deviceId: laptop,
      idempotencyKey: undefined,
      nowMs: vault.nowMs,
      epochs: vault.epochs,
      limits: vault.limits,
    });

  test.each<[string, string | Buffer, string]>([
    ['cut off', '{"changes":[', 'malformed_json'],
    ['nothing', '', 'malformed_json'],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'malformed_json'],
    ['a list', '[]', 'invalid'],
    ['null', 'null', 'invalid'],
    ['without changes', '{}', 'invalid'],
    ['with changes that are none', '{"changes":{}}', 'invalid'],
    ['with another member', '{"changes":[],"colour":1}', 'invalid'],
    ['with atomic as text', '{"changes":[],"atomic":"yes"}', 'invalid'],
    ['with 501 changes', `{"changes":[${Array(501).fill('0').join()}]}`, 'invalid'],
  ])('that is %s is refused whole', async (_, body, outcome) => {
    expect(await pushBody(body)).toMatchObject({ outcome });
  });

  test('names the member that is wrong', async () => {
    expect(await pushBody('{"changes":[],"a/b":1}')).toEqual({
      outcome: 'invalid',
      errors: [{ pointer: '/a~1b', detail: 'is not a known member' }],
    });
  });

  test('of 500 changes is taken, each with its result', async () => {
    const changes = Array.from({ length: 500 }, (_, at) =>
      change({ id: newItemId(), clock: { [laptop]: at + 1 } }),
    );
    const answer = await vault.push(laptop, changes);
    expect(answer.results.map(({ seq }) => seq)).toEqual(changes.map((_, at) => at + 1));
    expect(answer.counter).toBe(500);
  });

  test('of stale changes to large items is answered in bounded size', async () => {
    const ids = Array.from({ length: 10 }, newItemId);
    const payload = 'A'.repeat(600 * 1024);
    for (const [at, each] of ids.entries())
      await vault.push(laptop, [change({ id: each, clock: { [laptop]: 100 + at }, payload })]);
    const { results } = await vault.push(
      laptop,
      ids.map((each) => change({ id: each, clock: { [laptop]: 1 } })),
    );
    expect(results.map(({ status }) => status)).toEqual(Array(10).fill('stale'));
    expect(results.filter(({ current }) => current !== undefined)).toHaveLength(6);
  });
});

describe('a pull', () => {
  const fill = async (count: number, members: Record<string, unknown> = {}) => {
    const changes = Array.from({ length: count }, (_, at) =>
      change({ id: newItemId(), clock: { [laptop]: at + 1 }, ...members }),
    );
    await vault.push(laptop, changes);
    return changes.map((each) => each.id);
  };

  test('of an empty vault has a cursor to go on from', async () => {
    const empty = await vault.pull(laptop);
    expect(empty).toMatchObject({ changes: [], hasMore: false, conflictsOpen: 0 });
    const ids = await fill(1);
    expect((await vault.pull(laptop, { cursor: empty.cursor })).changes.map((each) => each.id)).toEqual(ids);
  });

  test.each([1, 2, 3, 7, 10, 11])('in pages of %d shows every item once, in order', async (limit) => {
    const ids = await fill(10);
    const items = await vault.pullAll(phone, limit);
    expect(items.map((each) => each.id)).toEqual(ids);
    expect(items.map(({ seq }) => seq)).toEqual([...ids.keys()].map((at) => at + 1));
  });

  test('shows an item that is edited between two pages again, and none is missed', async () => {
    const ids = await fill(4);
    const first = await vault.pull(phone, { limit: 2 });
    await vault.push(laptop, [
      change({ id: ids[3], clock: { [laptop]: 5 } }),
      change({ id: ids[0], clock: { [laptop]: 6 } }),
    ]);
    const second = await vault.pull(phone, { limit: 10, cursor: first.cursor });
    expect(second.changes.map((each) => each.id)).toEqual([ids[2], ids[3], ids[0]]);
  });

  test('of some kinds goes past the others', async () => {
    await vault.push(
      laptop,
      ['entry', 'tag', 'memory', 'tag', 'entry'].map((kind, at) =>
        change({ id: newItemId(), kind, clock: { [laptop]: at + 1 } }),
      ),
    );
    const page = await vault.pull(phone, { kinds: ['tag'], limit: 1 });
    expect(page).toMatchObject({ changes: [{ kind: 'tag', seq: 2 }], hasMore: true });
    const rest = await vault.pull(phone, { kinds: ['tag'], limit: 1, cursor: page.cursor });
    expect(rest).toMatchObject({ changes: [{ kind: 'tag', seq: 4 }], hasMore: false });
    expect((await vault.pull(phone, { cursor: rest.cursor })).changes).toEqual([]);
    expect((await vault.pull(phone, { kinds: ['memory', 'entry'] })).changes.map(({ seq }) => seq)).toEqual([
      1, 3, 5,
    ]);
  });

  test('is bounded by what its items weigh, and still shows at least one', async () => {
    const payload = 'A'.repeat(640 * 1024);
    for (let at = 1; at <= 8; at += 1)
      await vault.push(laptop, [change({ id: newItemId(), clock: { [laptop]: at }, payload })]);
    expect(await vault.pull(phone)).toMatchObject({ hasMore: true, changes: Array(6).fill({ payload }) });
    expect(await vault.pullAll(phone)).toHaveLength(8);
  });

  test('with the cursor of another vault asks for a resync', async () => {
    const { cursor } = await (await vaults.create()).pull(laptop);
    await expect(vault.pull(laptop, { cursor })).rejects.toMatchObject({
      code: 'sync.resync_required',
      status: 410,
    });
    await expect(vault.pull(laptop, { acknowledged: cursor })).rejects.toMatchObject({
      code: 'sync.resync_required',
    });
  });

  test('with a cursor that is none is refused', async () => {
    await expect(vault.pull(laptop, { cursor: 'garbage' })).rejects.toMatchObject({
      code: 'sync.invalid_cursor',
      status: 400,
    });
  });

  test('that acknowledges may do so again, and from far behind', async () => {
    await fill(3);
    const first = await vault.pull(phone, { limit: 1 });
    const last = await vault.pull(phone, { cursor: first.cursor });
    for (const acknowledged of [last.cursor, last.cursor, first.cursor]) {
      expect((await vault.pull(phone, { cursor: last.cursor, acknowledged })).changes).toEqual([]);
    }
  });
});

test('the counter that is answered is the highest of the calling device, over all items', async () => {
  await vault.push(laptop, [
    change({ id: newItemId(), clock: { [laptop]: 7 } }),
    change({ id: newItemId(), clock: { [laptop]: 4 } }),
  ]);
  expect((await vault.push(laptop, [])).counter).toBe(7);
  expect((await vault.push(phone, [])).counter).toBe(0);
});

test('the examples of this file are well-formed', () => {
  expect(parseHybridTime(at(59))).toBeDefined();
});

/** All bytes of a folder of vaults, as they lie on the disk. */
function filesText(directory: string): string {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.includes('.db'),
  );
  return files.map((file) => readFileSync(join(directory, file), 'latin1')).join('');
}
