/**
 * Checks the metadata of an item before it is stored. The server refuses what is not as the contract says, at every
 * sync anew; who puts it should hear of it at once.
 */
import type { Kind, Meta } from '@alcove/contract';
import { mergeClocks, type VectorClock } from '@alcove/contract/clock';
import { syncLimits } from '@alcove/contract/limits';
import { AlcoveError } from './errors.ts';
import { isRecord } from './wire.ts';

/** 16 to 64 characters that need no escaping anywhere. */
export const itemId = /^[A-Za-z0-9_-]{16,64}$/;
const deviceId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const sourceTypes: readonly unknown[] = ['user', 'ai', 'import'];
const { sourcesMax, devicesPerClockMax, counterMax } = syncLimits;

interface Member {
  readonly isRight: (value: unknown) => boolean;
  readonly expected: string;
}

const isItemId = (value: unknown) => typeof value === 'string' && itemId.test(value);

const members: Readonly<Record<Kind, ReadonlyMap<string, Member>>> = {
  entry: new Map(),
  memory: new Map([
    [
      'sources',
      {
        isRight: (value) => Array.isArray(value) && value.length <= sourcesMax && value.every(isItemId),
        expected: `a list of at most ${sourcesMax} item ids`,
      },
    ],
    [
      'accessCounts',
      { isRight: isCounts, expected: `counts of at most ${devicesPerClockMax} devices, by device id` },
    ],
  ]),
  tag: new Map([
    ['entryId', { isRight: isItemId, expected: 'an item id' }],
    [
      'confidence',
      {
        isRight: (value) => typeof value === 'number' && value >= 0 && value <= 1,
        expected: 'a number from 0 to 1',
      },
    ],
    [
      'sourceType',
      { isRight: (value) => sourceTypes.includes(value), expected: `one of ${sourceTypes.join(', ')}` },
    ],
  ]),
};

/** Throws `invalid_argument`, naming the member, when an item of this kind may not have this metadata. */
export function requireMeta(kind: Kind, meta: Meta): void {
  if (!isRecord(meta)) throw invalid('meta is an object');
  for (const [name, value] of Object.entries(meta)) {
    // Left out when it is sent.
    if (value === undefined) continue;
    const member = members[kind].get(name);
    if (member === undefined) throw invalid(`meta of kind ${kind} has no member ${name}`);
    if (!member.isRight(value)) throw invalid(`meta.${name} is ${member.expected}`);
  }
}

/** The metadata with the access counts of other versions joined to its own. */
export function withCountsOf(
  meta: Meta | undefined,
  others: readonly { readonly meta?: Meta | undefined }[],
): Meta | undefined {
  const all = [{ meta }, ...others].map((each) => countsOf(each.meta));
  const counts = all.filter((each) => each !== undefined);
  if (counts.length === 0) return meta;
  // Each version names a bounded number of devices, and the server takes no more.
  const highest = Object.entries(mergeClocks(...counts)).toSorted(([, a], [, b]) => b - a);
  return { ...meta, accessCounts: Object.fromEntries(highest.slice(0, devicesPerClockMax)) };
}

function countsOf(meta: Meta | undefined): VectorClock | undefined {
  return meta !== undefined && 'accessCounts' in meta ? meta.accessCounts : undefined;
}

function isCounts(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const counts = Object.entries(value);
  return (
    counts.length <= devicesPerClockMax && counts.every(([id, count]) => deviceId.test(id) && isCount(count))
  );
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= counterMax;
}

function invalid(reason: string): AlcoveError {
  return new AlcoveError('invalid_argument', `${reason}.`);
}
