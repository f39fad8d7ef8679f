import { expect, test } from 'vitest';
import { isNestedDeeperThan } from './depth.ts';

const isTooDeep = (json: string) => isNestedDeeperThan(3, json);

test.each([
  ['as deep as allowed', '[{"a":[]}]', false],
  ['one deeper', '[{"a":[[]]}]', true],
  ['many side by side', `[${'[[]],'.repeat(50)}1]`, false],
  ['brackets in a text', '["[[[[{{{{"]', false],
  ['a text that ends behind an escaped quote', String.raw`["\"[[[[", [[[]]]]`, true],
  ['an escaped quote behind an escaped backslash', String.raw`["\\\"[[[["]`, false],
  ['a text that ends behind an escaped backslash', String.raw`["\\", [[[]]]]`, true],
  ['a text that never ends', '["[[[[[[', false],
  ['a text that ends in a backslash', '["\\', false],
  ['closings before any opening: no parser gets past them', ']]]][[[[', false],
  ['nothing', '', false],
])('%s: too deep is %4$s', (_name, json, expected) => {
  expect(isTooDeep(json)).toBe(expected);
});

test('millions of brackets are found out by their beginning', () => {
  const length = 6 * 1024 * 1024;
  const readToItsEndMs = fastestMs('0'.repeat(length), false);
  expect(fastestMs('['.repeat(length), true)).toBeLessThan(readToItsEndMs / 10);
});

/** The fastest of several tries, because a busy machine only ever makes one slower. */
function fastestMs(json: string, expected: boolean): number {
  const tries = Array.from({ length: 5 }, () => {
    const startedAt = performance.now();
    expect(isNestedDeeperThan(64, json)).toBe(expected);
    return performance.now() - startedAt;
  });
  return Math.min(...tries);
}
