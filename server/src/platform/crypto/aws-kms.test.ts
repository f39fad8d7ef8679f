import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type KmsDouble, startKmsDouble } from '../../testing/doubles/aws-kms.ts';
import { createAwsKms } from './aws-kms.ts';
import { createMasterKeyText, KeyWrapperError, openMasterKeys, Secret } from './index.ts';

const keyArn = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const secretAccessKey = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const credentials = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: new Secret(secretAccessKey) };

let kms: KmsDouble;
beforeEach(async () => {
  kms = await startKmsDouble(keyArn);
});
afterEach(() => kms[Symbol.asyncDispose]());

const wrapper = (change: Partial<Parameters<typeof createAwsKms>[0]> = {}) =>
  createAwsKms({ keyArn, baseUrl: kms.url, credentials, ...change });

test('a wrapped key comes back as it was, and what is kept of it tells nothing', async () => {
  const key = randomBytes(32);
  const wrapped = await wrapper().wrap(key, { purpose: 'a' });
  expect(wrapped.includes(key)).toBe(false);
  expect((await wrapper().unwrap(wrapped, { purpose: 'a' })).equals(key)).toBe(true);
  expect(kms.asked).toEqual(['Encrypt', 'Decrypt']);
});

test('a master key wrapped by KMS opens to the same key, and only by KMS', async () => {
  const text = await createMasterKeyText(wrapper());
  expect(text.reveal()).toMatch(/^aws-kms:[A-Za-z0-9_-]+$/);
  const [first] = await openMasterKeys([text], wrapper());
  const [second] = await openMasterKeys([text], wrapper());
  expect(first.id).toEqual(second.id);
  await expect(openMasterKeys([text], undefined)).rejects.toThrow(
    'wrapped by aws-kms, and that is not set up',
  );
});

test('KMS binds a wrapped key to its context', async () => {
  const wrapped = await wrapper().wrap(randomBytes(32), { purpose: 'a' });
  await expect(wrapper().unwrap(wrapped, { purpose: 'b' })).rejects.toThrow(
    'was changed, or belongs elsewhere',
  );
});

test.each([
  ['of another key', { keyArn: keyArn.replace('1234abcd', '00000000') }, 'does not know the key'],
  ['at an address where nobody answers', { baseUrl: 'http://127.0.0.1:9' }, 'failed'],
])('a key %s is a sentence for the operator', async (_, change, sentence) => {
  await expect(wrapper(change).wrap(randomBytes(32), {})).rejects.toThrow(sentence);
});

test.each([
  ['AccessDeniedException', 'does not allow this identity'],
  ['DisabledException', 'the key is disabled'],
  ['hang', 'did not answer within 300 ms'],
] as const)(
  'when KMS answers %s, the error says so, names the key and shows no secret',
  async (fault, sentence) => {
    kms.misbehave(fault);
    const key = randomBytes(32);
    const error = await wrapper({ deadlineMs: 300 })
      .wrap(key, {})
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(KeyWrapperError);
    expect(String(error)).toContain(sentence);
    expect(String(error)).toContain(keyArn);
    const shown = inspect(error, { depth: 9, showHidden: true });
    for (const secret of [secretAccessKey, key.toString('base64')]) expect(shown).not.toContain(secret);
  },
);

test('a throttled request is tried again', async () => {
  kms.misbehave('throttle');
  const wrapped = wrapper().wrap(randomBytes(32), {});
  setTimeout(() => kms.misbehave(undefined), 20);
  await expect(wrapped).resolves.toBeInstanceOf(Buffer);
  expect(kms.asked.length).toBeGreaterThan(1);
});
