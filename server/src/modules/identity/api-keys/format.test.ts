import { expect, test } from 'vitest';
import { createKeyText, createPublicId, hintOf, looksLikeKey, readPublicId } from './format.ts';

test('a key tells its public id, and no two keys are alike', () => {
  const publicId = createPublicId();
  const [first, second] = [createKeyText(publicId), createKeyText(publicId)];
  expect(first).toMatch(/^alc_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}$/);
  expect([first, second].map(readPublicId)).toEqual([publicId, publicId]);
  expect(first).not.toBe(second);
});

test('no single changed, missing or swapped character of a key goes unnoticed', () => {
  const key = createKeyText(createPublicId());
  for (let at = 4; at < key.length; at += 1) {
    const changed = key.slice(0, at) + (key[at] === 'x' ? 'y' : 'x') + key.slice(at + 1);
    expect(readPublicId(changed), changed).toBeUndefined();
    expect(readPublicId(key.slice(0, at) + key.slice(at + 1))).toBeUndefined();
    const swapped = key.slice(0, at - 1) + key.charAt(at) + key.charAt(at - 1) + key.slice(at + 1);
    if (swapped !== key) expect(readPublicId(swapped), swapped).toBeUndefined();
  }
});

test.each([
  '',
  'alc_',
  'alc_abcdefgh_',
  'ALC_abcdefgh_',
  `alc_${'a'.repeat(200)}`,
  'sk-proj-abc',
  'ä'.repeat(62),
])('%j is no key', (text) => {
  expect(readPublicId(text)).toBeUndefined();
});

test('a token of an account does not look like a key', () => {
  expect(looksLikeKey('eyJhbGciOiJFZERTQSJ9.e30.sig')).toBe(false);
  expect(looksLikeKey('alc_anything')).toBe(true);
});

test('the hint is what an owner sees at the end of the key', () => {
  const key = createKeyText(createPublicId());
  expect(key.endsWith(hintOf(key))).toBe(true);
  expect(hintOf(key)).toHaveLength(4);
});
