import { format, inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from './secret.ts';

const value = 'correct horse battery staple';

test.each<[string, (secret: Secret) => string]>([
  ['a template', (secret) => `${secret}`],
  ['concatenation', (secret) => `token ${secret}`],
  ['JSON', (secret) => JSON.stringify({ nested: [secret] })],
  ['inspect with hidden members', (secret) => inspect({ secret }, { showHidden: true, depth: 9 })],
  ['format', (secret) => format('%s %o %j', secret, secret, secret)],
  ['an error', (secret) => String(new Error(`bad ${secret}`).stack)],
  ['a spread', (secret) => inspect({ ...secret })],
  ['its own members', (secret) => inspect(Object.getOwnPropertyDescriptors(secret))],
])('a secret never shows through %s', (_, print) => {
  expect(print(new Secret(value))).not.toContain(value);
});

test('a secret gives its value to who asks by name', () => {
  expect(new Secret(value).reveal()).toBe(value);
});
