import { expect, test } from 'vitest';
import { readIdempotencyKey } from './idempotency-key.ts';

test.each([
  [undefined, undefined, undefined],
  ['abc', undefined, 'abc'],
  ['"abc"', undefined, 'abc'],
  [undefined, 'abc', 'abc'],
  ['"abc"', 'abc', 'abc'],
  ['x'.repeat(255), undefined, 'x'.repeat(255)],
])('%s beside %s is read as %s', (header, alias, key) => {
  expect(readIdempotencyKey(header, alias)).toBe(key);
});

test.each([
  ['two headers that differ', 'a', 'b', /differ/],
  ['an empty key', '""', undefined, /visible/],
  ['a key with a space', 'a b', undefined, /visible/],
  ['a key that is too long', 'x'.repeat(256), undefined, /255/],
  ['a letter outside of ASCII', 'ä', undefined, /ASCII/],
])('%s is refused', (_name, header, alias, message) => {
  expect(() => readIdempotencyKey(header, alias)).toThrow(message);
});
