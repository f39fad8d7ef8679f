import type { PushResult } from '@alcove/contract';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packResults, unpackResults } from './packed-results.ts';

const id = fc.string({ maxLength: 64 });
const seq = fc.integer({ min: 1, max: 6 });
const anyResult: fc.Arbitrary<PushResult> = fc.oneof(
  fc.record({ id, status: fc.constantFrom('applied', 'merged', 'duplicate', 'stale'), seq }),
  fc.record({ id, status: fc.constant('conflict'), seq, conflictId: fc.uuid() }),
  fc.record({
    id,
    status: fc.constant('rejected'),
    code: fc.constantFrom('sync.invalid_change', 'sync.clock_forged'),
    detail: fc.constantFrom('this is wrong', 'that is wrong', 'wrong'),
  }),
);

/** As they are stored: through their text. */
function keep(results: readonly PushResult[]): { length: number; given: PushResult[] } {
  const text = JSON.stringify(packResults(results));
  const ids = results.map((result) => result.id);
  return { length: text.length, given: unpackResults(JSON.parse(text), ids) };
}

test('results are given again just as they were', () => {
  fc.assert(
    fc.property(fc.array(anyResult), (results) => {
      expect(keep(results).given).toEqual(results);
    }),
  );
});

const results = (each: (at: number) => Omit<PushResult, 'id'>): PushResult[] =>
  Array.from({ length: 500 }, (_, at) => ({ id: `item-${at}`, ...each(at) }));
const scattered = (at: number) => 1_000_000 + ((at * 7919) % 500_000);

test.each([
  ['are all taken', 100, results((at) => ({ status: 'applied', seq: 1_000_000 + at }))],
  ['are all refused for one reason', 200, results(() => refusal('for the same reason'))],
  ['are all refused, each for its own reason', 4_000, results((at) => refusal(`${at} `.repeat(20)))],
  ['are refused for two reasons in turn', 5_000, results((at) => refusal('', at % 2 === 0 ? 'a' : 'b'))],
  ['are all stale', 10_100, results((at) => ({ status: 'stale', seq: scattered(at) }))],
])('of 500 changes that %s, at most %i bytes are kept', (_, bytesMax, all) => {
  expect(keep(all).length).toBeLessThan(bytesMax);
});

test('a sentence that has no room is left out, and its code is not', () => {
  const { given } = keep(results((at) => refusal(`${at} `.repeat(20))));
  expect(given[0]).toMatchObject({ code: 'sync.clock_forged', detail: '0 '.repeat(20) });
  expect(given[499]).toEqual({ id: 'item-499', status: 'rejected', code: 'sync.clock_forged' });
});

function refusal(detail: string, code = 'sync.clock_forged'): Omit<PushResult, 'id'> {
  return { status: 'rejected', code, detail };
}
