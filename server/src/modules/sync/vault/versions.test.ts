import { describe, expect, test } from 'vitest';
import { laptop, phone, tablet } from './fixtures/test-vaults.ts';
import { chooseLeader, type HeldVersion, weigh, withJoinedCounts } from './versions.ts';

function version(clock: Record<string, number>, members: Partial<HeldVersion> = {}): HeldVersion {
  const time = members.time ?? '2026-11-20T07:00:00.000Z-0000';
  const base = {
    clock,
    time,
    orderTime: time,
    deviceId: laptop,
    epoch: 1,
    deleted: false,
    payload: 'YQ',
    meta: undefined,
  };
  return { ...base, ...members };
}

describe('an incoming version is weighed against each that is held', () => {
  const a1 = version({ [laptop]: 1 });
  const b1 = version({ [phone]: 1 }, { deviceId: phone });
  const ab = version({ [laptop]: 1, [phone]: 1 });

  test.each<[string, HeldVersion[], HeldVersion, ReturnType<typeof weigh>]>([
    ['nothing held', [], a1, { kind: 'held', beside: [] }],
    ['it has seen the one', [a1], version({ [laptop]: 2 }), { kind: 'held', beside: [] }],
    ['it has seen both', [a1, b1], version({ [laptop]: 2, [phone]: 1 }), { kind: 'held', beside: [] }],
    ['it has not seen the one', [a1], b1, { kind: 'held', beside: [a1] }],
    ['it has seen one of two', [a1, b1], version({ [laptop]: 2 }), { kind: 'held', beside: [b1] }],
    ['it has seen neither', [a1, b1], version({ [tablet]: 1 }), { kind: 'held', beside: [a1, b1] }],
    ['the one has seen it', [ab], a1, { kind: 'stale' }],
    ['one of two has seen it', [ab, version({ [tablet]: 1 })], b1, { kind: 'stale' }],
    ['the same again', [ab], { ...ab }, { kind: 'duplicate' }],
    [
      'the same again at another time',
      [ab],
      { ...ab, time: '2027-01-01T00:00:00.000Z-0000' },
      { kind: 'duplicate' },
    ],
    ['the same as a sibling', [a1, b1], { ...b1 }, { kind: 'duplicate' }],
    ['the same clock, other content', [a1], version({ [laptop]: 1 }, { payload: 'Yg' }), { kind: 'reused' }],
    [
      'the same clock, a deletion',
      [a1],
      version({ [laptop]: 1 }, { deleted: true, payload: undefined }),
      { kind: 'reused' },
    ],
    [
      'the same clock, other meta',
      [a1],
      version({ [laptop]: 1 }, { meta: { confidence: 1 } }),
      { kind: 'reused' },
    ],
    [
      'a missing entry counts as zero',
      [version({ [laptop]: 1 })],
      version({ [laptop]: 1, [phone]: 1 }),
      { kind: 'held', beside: [] },
    ],
  ])('%s', (_, held, incoming, verdict) => {
    expect(weigh(held, incoming)).toEqual(verdict);
  });

  test('access counts that the vault has joined since do not make a repetition another version', () => {
    const held = version({ [laptop]: 1 }, { meta: { accessCounts: { [laptop]: 1, [phone]: 9 } } });
    const again = version({ [laptop]: 1 }, { meta: { accessCounts: { [laptop]: 1 } } });
    expect(weigh([held], again)).toEqual({ kind: 'duplicate' });
  });
});

describe('of concurrent versions one leads', () => {
  const early = version({ [laptop]: 1 }, { time: '2026-11-20T07:00:00.000Z-0000' });
  const late = version({ [phone]: 1 }, { time: '2026-11-20T07:00:00.000Z-0001', deviceId: phone });
  const lateDelete = { ...late, deleted: true, payload: undefined };
  const sameTime = version({ [phone]: 1 }, { deviceId: phone });
  const fast = { ...early, time: '2099-01-01T00:00:00.000Z-0000' };

  test.each<['entry' | 'memory' | 'tag', string, HeldVersion, HeldVersion]>([
    ['entry', 'the later', late, early],
    ['memory', 'the later', late, early],
    ['tag', 'the later', late, early],
    ['memory', 'the later, even if it deletes', lateDelete, early],
    ['entry', 'what is there, even if its deletion is later', early, lateDelete],
    ['tag', 'what is there, even if its deletion is later', early, lateDelete],
    ['memory', 'of the same time the higher device', sameTime, early],
    ['memory', 'the later by arrival, not by a clock that runs ahead', late, fast],
  ])('%s: %s', (kind, _, leader, other) => {
    expect(chooseLeader(kind, leader, [other])).toBe(leader);
    expect(chooseLeader(kind, other, [leader])).toBe(leader);
  });
});

describe('access counts', () => {
  const counted = (counts: Record<string, number> | undefined, members: Partial<HeldVersion> = {}) =>
    version({ [laptop]: 1 }, { meta: counts === undefined ? {} : { accessCounts: counts }, ...members });

  test('of all versions are joined by the highest of each device', () => {
    const joined = withJoinedCounts(counted({ [laptop]: 2, [phone]: 1 }), [
      counted({ [phone]: 5 }),
      counted(undefined),
    ]);
    expect(joined.meta).toEqual({ accessCounts: { [laptop]: 2, [phone]: 5 } });
  });

  test('survive the deletion of the memory', () => {
    const deleted = version({ [laptop]: 2 }, { deleted: true, payload: undefined });
    expect(withJoinedCounts(deleted, [counted({ [phone]: 5 })]).meta).toEqual({
      accessCounts: { [phone]: 5 },
    });
  });

  test('name no more devices than a version may, however many versions bring others: the highest stay', () => {
    const countsOf = (first: number) =>
      Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`device-${first + at}`, first + at]));
    const { meta } = withJoinedCounts(counted(countsOf(1)), [
      counted(countsOf(501)),
      counted(countsOf(1001)),
    ]);
    expect(meta).toEqual({ accessCounts: countsOf(1001) });
  });

  test('are not invented', () => {
    expect(withJoinedCounts(version({ [laptop]: 1 }), [version({ [phone]: 1 })]).meta).toBeUndefined();
  });
});
