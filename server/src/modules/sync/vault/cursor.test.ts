import { describe, expect, test } from 'vitest';
import { readCursor, writeCursor } from './cursor.ts';

const generation = '00112233445566778899aabbccddeeff';
const history = { generation, head: 100, floor: 10 };

describe('a cursor', () => {
  test.each([10, 11, 100])('comes back as the position it was written for: %d', (seq) => {
    const cursor = writeCursor(generation, { seq, quietUpTo: 7 });
    expect(readCursor(cursor, history)).toEqual({ seq, quietUpTo: 7 });
  });

  test('holds every sequence number that a vault can reach', () => {
    const seq = Number.MAX_SAFE_INTEGER;
    const cursor = writeCursor(generation, { seq, quietUpTo: seq });
    expect(readCursor(cursor, { generation, head: seq, floor: 0 })).toEqual({ seq, quietUpTo: seq });
  });

  test.each([
    ['of another history', writeCursor('ff'.repeat(16), { seq: 50, quietUpTo: 0 })],
    ['ahead of the head', writeCursor(generation, { seq: 101, quietUpTo: 0 })],
    ['that began ahead of the head', writeCursor(generation, { seq: 50, quietUpTo: 101 })],
    ['below the floor', writeCursor(generation, { seq: 9, quietUpTo: 0 })],
  ])('%s asks for a resync', (_, cursor) => {
    expect(() => readCursor(cursor, history)).toThrow(
      expect.objectContaining({ code: 'sync.resync_required', status: 410 }),
    );
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
    expect(() => readCursor(text, history)).toThrow(
      expect.objectContaining({ code: 'sync.invalid_cursor', status: 400 }),
    );
  });
});
