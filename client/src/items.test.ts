import type { VectorClock } from '@alcove/contract/clock';
import { describe, expect, it } from 'vitest';
import {
  areSameVersions,
  latestTime,
  mergeVersions,
  type StoredVersion,
  toVaultItem,
  versionToClocks,
} from './items.ts';

const a = '0193f0a0-0000-7000-8000-00000000000a';
const b = '0193f0a0-0000-7000-8000-00000000000b';

function version(value: string, clock: VectorClock, more: Partial<StoredVersion> = {}): StoredVersion {
  const time = '2026-11-20T07:16:00.123Z-0000';
  return { value, clock, time, deviceId: Object.keys(clock)[0] ?? a, epoch: 1, deleted: false, ...more };
}
const sealed = { code: 'vault.unreadable', payload: 'AQ' } as const;
const settled = () => false;
const values = (versions: readonly StoredVersion[]) => versions.map(({ value }) => value);

describe('what is known after a pull', () => {
  const mine = version('mine', { [a]: 2 });
  const theirs = version('theirs', { [b]: 1 });
  const both = version('both', { [a]: 2, [b]: 2 });

  it.each<[string, StoredVersion[], StoredVersion[], boolean, string[]]>([
    ['takes what is new', [], [theirs], false, ['theirs']],
    ['forgets what the pulled version has seen', [mine, theirs], [both], false, ['both']],
    [
      'keeps both when neither saw the other, in the order of the server',
      [mine],
      [theirs, mine],
      false,
      ['theirs', 'mine'],
    ],
    ['keeps an edit that the server does not show', [mine], [theirs], false, ['theirs', 'mine']],
    ['keeps an unsynced edit in front', [mine], [theirs], true, ['mine', 'theirs']],
    ['drops an unsynced edit that somebody has superseded', [mine], [both], true, ['both']],
    ['is not rolled back to an older version', [both], [theirs], false, ['both']],
    ['changes nothing when it is the same again', [mine], [mine], false, ['mine']],
  ])('%s', (_what, known, pulled, isMineUnsynced, expected) => {
    const isUnsynced = (candidate: StoredVersion) => isMineUnsynced && candidate.value === 'mine';
    expect(values(mergeVersions(known, pulled, isUnsynced))).toEqual(expected);
  });

  it('never gives up a readable version for one that does not open', () => {
    const forged = version('', { [a]: 9, [b]: 9 }, { unopened: sealed });
    expect(mergeVersions([mine], [forged], settled)).toContain(mine);
  });

  it.each(['vault.unreadable', 'keys.missing'] as const)(
    'takes nothing away by a deletion that nobody has proved (%s), and shows it last',
    (code) => {
      const forged = version('', { [a]: 9, [b]: 9 }, { deleted: true, unopened: { code, payload: '' } });
      for (const isUnsynced of [settled, (candidate: StoredVersion) => candidate.deviceId === a]) {
        expect(mergeVersions([mine, theirs], [forged], isUnsynced)).toEqual([mine, theirs, forged]);
        expect(mergeVersions([], [forged, theirs, mine], isUnsynced).at(-1)).toBe(forged);
      }
      const proved = version('', forged.clock, { deleted: true });
      expect(mergeVersions([mine, theirs], [proved], settled)).toEqual([proved]);
    },
  );

  it('takes a readable copy in place of one that did not open', () => {
    const unopened = version('', mine.clock, { unopened: sealed });
    expect(mergeVersions([unopened], [mine], settled)).toEqual([mine]);
  });

  it('takes over metadata that the server has merged', () => {
    const counted = { ...mine, meta: { accessCounts: { [a]: 5 } } };
    expect(mergeVersions([mine], [counted], settled)).toEqual([counted]);
    expect(areSameVersions([mine], [counted])).toBe(false);
  });
});

describe('an item as the app sees it', () => {
  const item = { kind: 'entry', id: 'entry-number-one-' } as const;

  it('is gone when nothing of it lives', () => {
    expect(
      toVaultItem({ ...item, versions: [version('', { [a]: 1 }, { deleted: true })] }, settled),
    ).toBeUndefined();
  });

  it('is shown as deleted beside an edit that another device made at the same time', () => {
    const tombstone = version('', { [a]: 1 }, { deleted: true });
    const shown = toVaultItem({ ...item, versions: [tombstone, version('edit', { [b]: 1 })] }, settled);
    expect(shown).toMatchObject({ deleted: true, conflict: [{ value: 'edit', deleted: false }] });
  });

  it('names all that it shows, and the name can be read back', () => {
    const shown = toVaultItem(
      { ...item, versions: [version('1', { [a]: 3 }), version('2', { [b]: 4 })] },
      settled,
    );
    expect(versionToClocks(shown?.version ?? '')).toEqual({ opened: { [a]: 3, [b]: 4 }, unopened: {} });
  });

  it.each([
    ['beside what opens', [version('1', { [a]: 3 })], { [a]: 3 }],
    ['alone', [], {}],
  ])('names apart what does not open, %s', (_what, others, opened) => {
    const unopened = version('', { [a]: 9, [b]: 9 }, { unopened: sealed });
    const shown = toVaultItem({ ...item, versions: [unopened, ...others] }, settled);
    expect(versionToClocks(shown?.version ?? '')).toEqual({ opened, unopened: unopened.clock });
  });

  it.each(['', 'yesterday', ';', `${a}:1;`, `${a}:1;${a}:1;${a}:1`])('has no version called %j', (name) => {
    expect(() => versionToClocks(name)).toThrowError(expect.objectContaining({ code: 'invalid_argument' }));
  });
});

describe('the time of a new version', () => {
  const nowMs = Date.parse('2026-11-20T08:00:00.000Z');
  it.each([
    ['follows what it supersedes', '2026-11-20T08:04:00.000Z-0000', '2026-11-20T08:04:00.000Z-0000'],
    [
      'is not dragged along by a clock that is far ahead',
      '9999-01-01T00:00:00.000Z-0000',
      '2026-11-20T07:00:00.000Z-0000',
    ],
    ['does not trip over a text that is no time', 'tomorrow', '2026-11-20T07:00:00.000Z-0000'],
  ])('%s', (_what, time, expected) => {
    const own = '2026-11-20T07:00:00.000Z-0000';
    expect(latestTime([version('', { [a]: 1 }, { time })], own, nowMs)).toBe(expected);
  });

  it('does not stay in the future after a wrong clock of its own was corrected', () => {
    const own = '2027-12-25T08:00:00.000Z-0000';
    expect(latestTime([], own, nowMs)).toBeUndefined();
  });
});
