import { describe, expect, test } from 'vitest';
import { readCursor, writeCursor } from './cursor.ts';

const generation = '00112233445566778899aabbccddeeff';
const history = { generation, head: 100, floor: 10 };
const former = 'ee'.repeat(16);
const sharedHead = (asked: string) => (asked === former ? 70 : undefined);

describe('a cursor', () => {
  test.each([10, 11, 100])('comes back as the position it was written for: %d', (seq) => {
    const cursor = writeCursor(generation, { seq, quietUpTo: 7 });
    expect(readCursor(cursor, history, sharedHead)).toEqual({ seq, quietUpTo: 7 });
  });

  test('holds every sequence number that a vault can reach', () => {
    const seq = Number.MAX_SAFE_INTEGER;
    const cursor = writeCursor(generation, { seq, quietUpTo: seq });
    expect(readCursor(cursor, { generation, head: seq, floor: 0 }, sharedHead)).toEqual({
      seq,
      quietUpTo: seq,
    });
  });

  test.each([
    ['of an unknown history', 'ff'.repeat(16), { seq: 50, quietUpTo: 0 }, 'other_vault', 0],
    ['of the history before a restore', former, { seq: 50, quietUpTo: 0 }, 'restored', 70],
    ['of that history, from after the backup', former, { seq: 300, quietUpTo: 0 }, 'restored', 70],
    ['ahead of the head', generation, { seq: 101, quietUpTo: 0 }, 'ahead', 0],
    ['that began ahead of the head', generation, { seq: 50, quietUpTo: 101 }, 'ahead', 0],
    ['below the floor', generation, { seq: 9, quietUpTo: 0 }, 'collected', 100],
    ['that began below the floor', generation, { seq: 3, quietUpTo: 9 }, 'collected', 100],
  ])('%s asks for a resync and says what was known', (_, of, position, reason, knownUpToSeq) => {
    expect(() => readCursor(writeCursor(of, position), history, sharedHead)).toThrow(
      expect.objectContaining({
        code: 'sync.resync_required',
        status: 410,
        extensions: { reason, knownUpToSeq },
      }),
    );
  });

  test('of a first reading that has not come to the floor yet goes on: it was told of no deletion before it began', () => {
    const position = { seq: 3, quietUpTo: 10 };
    expect(readCursor(writeCursor(generation, position), history, sharedHead)).toEqual(position);
  });

  const valid = writeCursor(generation, { seq: 50, quietUpTo: 0 });
  test.each([
    ['', ''],
    ['another alphabet', 'not a cursor!'],
    ['an SQL joke', "' OR 1=1 --"],
    ['a shorter one', valid.slice(0, -1)],
    ['a longer one', `${valid}A`],
    ['padding', `${valid}=`],
    ['another layout', `B${valid.slice(1)}`],
    [
      'numbers that no vault reaches',
      Buffer.from(`01${generation}${'ff'.repeat(14)}`, 'hex').toString('base64url'),
    ],
    ['unused bits', `${valid.slice(0, -1)}B`],
  ])('that is none is refused: %s', (_, text) => {
    expect(() => readCursor(text, history, sharedHead)).toThrow(
      expect.objectContaining({ code: 'sync.invalid_cursor', status: 400 }),
    );
  });
});
