import { expect, test } from 'vitest';
import { createToken, hashToken, isSameText } from './index.ts';

test('tokens have 256 bits and do not repeat', () => {
  const tokens = Array.from({ length: 1000 }, createToken);
  expect(new Set(tokens).size).toBe(1000);
  expect(tokens.every((token) => Buffer.from(token, 'base64url').length === 32)).toBe(true);
});

test('the hash of a token is its SHA-256', () => {
  expect(hashToken('abc').toString('hex')).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  );
});

test.each([
  ['a', 'a', true],
  ['a', 'b', false],
  ['a', 'aa', false],
  ['', 'a', false],
  ['', '', true],
])('%j and %j are the same secret: %s', (given, expected, same) => {
  expect(isSameText(given, expected)).toBe(same);
});
