import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createEnvelope, createMasterKey, DecryptionError, Secret } from './index.ts';

const newKey = () => createMasterKey(new Secret(randomBytes(32).toString('base64url')));
const newEnvelope = () => createEnvelope([newKey()]);
const envelope = newEnvelope();
const place = ['signing-key', 'one'];
const plaintext = Buffer.from('what nobody else may read');

test.each([0, 1, 25, 100_000])('%i bytes come back as they were', (sizeBytes) => {
  const bytes = randomBytes(sizeBytes);
  expect(envelope.decrypt(envelope.encrypt(bytes, place), place).equals(bytes)).toBe(true);
});

test('the ciphertext shows neither the plaintext nor that two plaintexts are equal', () => {
  const [first, second] = [envelope.encrypt(plaintext, place), envelope.encrypt(plaintext, place)];
  expect(first.includes('nobody')).toBe(false);
  expect(first.subarray(9).equals(second.subarray(9))).toBe(false);
});

test.each([
  ['another row', ['signing-key', 'two']],
  ['another table', ['refresh-token', 'one']],
  ['parts cut elsewhere', ['signing-keyo', 'ne']],
  ['fewer parts', ['signing-key']],
  ['nothing', []],
])('a ciphertext that was moved to %s does not decrypt', (_, elsewhere) => {
  expect(() => envelope.decrypt(envelope.encrypt(plaintext, place), elsewhere)).toThrow(DecryptionError);
});

test('no changed bit goes unnoticed', () => {
  const blob = envelope.encrypt(plaintext, place);
  for (const at of blob.keys()) {
    const changed = Buffer.from(blob);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(() => envelope.decrypt(changed, place), `byte ${at}`).toThrow(DecryptionError);
  }
});

test('the data key of one ciphertext does not open another', () => {
  const [first, second] = [envelope.encrypt(plaintext, place), envelope.encrypt(plaintext, place)];
  const mixed = Buffer.concat([first.subarray(0, 49), second.subarray(49)]);
  expect(() => envelope.decrypt(mixed, place)).toThrow(DecryptionError);
});

test.each([0, 1, 9, 76])('a blob cut to %i bytes is refused', (length) => {
  const cut = envelope.encrypt(plaintext, place).subarray(0, length);
  expect(() => envelope.decrypt(cut, place)).toThrow(DecryptionError);
});

test('another master key is named as the reason', () => {
  const blob = newEnvelope().encrypt(plaintext, place);
  expect(() => envelope.decrypt(blob, place)).toThrow(/needs master key [0-9a-f]{16}; here is [0-9a-f]{16}/);
});

test('while two master keys are held, either opens what it encrypted, and the first one encrypts', () => {
  const [old, current] = [newKey(), newKey()];
  const [before, during, after] = [
    createEnvelope([old]),
    createEnvelope([current, old]),
    createEnvelope([current]),
  ];
  const blob = before.encrypt(plaintext, place);
  expect(during.decrypt(blob, place).equals(plaintext)).toBe(true);
  expect(after.decrypt(during.encrypt(plaintext, place), place).equals(plaintext)).toBe(true);
  expect(() => before.decrypt(during.encrypt(plaintext, place), place)).toThrow(DecryptionError);
});

test('a ciphertext wrapped again needs the new master key, is still bound to its place, and is not wrapped twice', () => {
  const [old, current] = [newKey(), newKey()];
  const blob = createEnvelope([old]).encrypt(plaintext, place);
  const again = createEnvelope([current, old]).rewrap(blob);
  if (again === undefined) throw new Error('it was under the new key already');
  const after = createEnvelope([current]);
  expect(after.decrypt(again, place).equals(plaintext)).toBe(true);
  expect(() => after.decrypt(again, ['signing-key', 'two'])).toThrow(DecryptionError);
  expect(() => createEnvelope([old]).decrypt(again, place)).toThrow(DecryptionError);
  expect(after.rewrap(again)).toBeUndefined();
});
