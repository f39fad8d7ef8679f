import { describe, expect, test } from 'vitest';
import { laptop, phone, tablet } from './fixtures/test-vaults.ts';
import {
  type Content,
  chooseLeader,
  isSameContent,
  type Verdict,
  type Version,
  weigh,
  withJoinedCounts,
} from './versions.ts';

function version(clock: Record<string, number>, members: Partial<Version> = {}): Version {
  const orderTime = '2026-11-20T07:00:00.000Z-0000';
  return { clock, orderTime, deviceId: laptop, deleted: false, meta: undefined, ...members };
}

describe('an incoming version is weighed against each that is held', () => {
  const a1 = version({ [laptop]: 1 });
  const b1 = version({ [phone]: 1 }, { deviceId: phone });
  const ab = version({ [laptop]: 1, [phone]: 1 });

  test.each<[string, Version[], Version, Verdict<Version>]>([
    ['nothing held', [], a1, { kind: 'held', beside: [] }],
    ['it has seen the one', [a1], version({ [laptop]: 2 }), { kind: 'held', beside: [] }],
    ['it has seen both', [a1, b1], version({ [laptop]: 2, [phone]: 1 }), { kind: 'held', beside: [] }],
    ['it has not seen the one', [a1], b1, { kind: 'held', beside: [a1] }],
    ['it has seen one of two', [a1, b1], version({ [laptop]: 2 }), { kind: 'held', beside: [b1] }],
    ['it has seen neither', [a1, b1], version({ [tablet]: 1 }), { kind: 'held', beside: [a1, b1] }],
    ['the one has seen it', [ab], a1, { kind: 'stale' }],
    ['one of two has seen it', [ab, version({ [tablet]: 1 })], b1, { kind: 'stale' }],
    ['the clock of the one', [ab], { ...ab, orderTime: 'later' }, { kind: 'again', version: ab }],
    ['the clock of a sibling', [a1, b1], { ...b1 }, { kind: 'again', version: b1 }],
    [
      'a missing entry counts as zero',
      [version({ [laptop]: 1 })],
      version({ [laptop]: 1, [phone]: 1 }),
      { kind: 'held', beside: [] },
    ],
  ])('%s', (_, held, incoming, verdict) => {
    expect(weigh(held, incoming)).toEqual(verdict);
  });
});

describe('under one clock', () => {
  const written: Content = { deleted: false, payload: 'YQ', meta: undefined };
  const counted = (accessCounts: Record<string, number>) => ({ ...written, meta: { accessCounts } });

  test.each<[string, Content, Content, boolean]>([
    ['the same', written, { ...written }, true],
    ['another payload', written, { ...written, payload: 'Yg' }, false],
    ['a deletion', written, { ...written, deleted: true, payload: undefined }, false],
    ['other meta', written, { ...written, meta: { confidence: 1 } }, false],
    [
      'access counts that were joined since',
      counted({ [laptop]: 1, [phone]: 9 }),
      counted({ [laptop]: 1 }),
      true,
    ],
  ])('comes %s', (_, held, incoming, isSame) => {
    expect(isSameContent(held, incoming)).toBe(isSame);
  });
});

describe('of concurrent versions one leads', () => {
  const early = version({ [laptop]: 1 }, { orderTime: '2026-11-20T07:00:00.000Z-0000' });
  const late = version({ [phone]: 1 }, { orderTime: '2026-11-20T07:00:00.000Z-0001', deviceId: phone });
  const lateDelete = { ...late, deleted: true };
  const sameTime = version({ [phone]: 1 }, { deviceId: phone });

  test.each<['entry' | 'memory' | 'tag', string, Version, Version]>([
    ['entry', 'the later', late, early],
    ['memory', 'the later', late, early],
    ['tag', 'the later', late, early],
    ['memory', 'the later, even if it deletes', lateDelete, early],
    ['entry', 'what is there, even if its deletion is later', early, lateDelete],
    ['tag', 'what is there, even if its deletion is later', early, lateDelete],
    ['memory', 'of the same time the higher device', sameTime, early],
  ])('%s: %s', (kind, _, leader, other) => {
    expect(chooseLeader(kind, leader, [other])).toBe(leader);
    expect(chooseLeader(kind, other, [leader])).toBe(leader);
  });
});

describe('access counts', () => {
  const counted = (counts: Record<string, number> | undefined, members: Partial<Version> = {}) =>
    version({ [laptop]: 1 }, { meta: counts === undefined ? {} : { accessCounts: counts }, ...members });

  test('of all versions are joined by the highest of each device', () => {
    const joined = withJoinedCounts(counted({ [laptop]: 2, [phone]: 1 }), [
      counted({ [phone]: 5 }),
      counted(undefined),
    ]);
    expect(joined).toEqual({ accessCounts: { [laptop]: 2, [phone]: 5 } });
  });

  test('survive the deletion of the memory', () => {
    const deleted = version({ [laptop]: 2 }, { deleted: true });
    expect(withJoinedCounts(deleted, [counted({ [phone]: 5 })])).toEqual({
      accessCounts: { [phone]: 5 },
    });
  });

  test('name no more devices than a version may, however many versions bring others: the highest stay', () => {
    const countsOf = (first: number) =>
      Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`device-${first + at}`, first + at]));
    const meta = withJoinedCounts(counted(countsOf(1)), [counted(countsOf(501)), counted(countsOf(1001))]);
    expect(meta).toEqual({ accessCounts: countsOf(1001) });
  });

  test('are not invented', () => {
    expect(withJoinedCounts(version({ [laptop]: 1 }), [version({ [phone]: 1 })])).toBeUndefined();
  });
});
