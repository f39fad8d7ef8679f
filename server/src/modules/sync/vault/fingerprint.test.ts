import { describe, expect, test } from 'vitest';
import { fingerprint } from './fingerprint.ts';

const of = (text: string, device = 'laptop') => fingerprint(device, JSON.parse(text), Buffer.from(text));
const deep = (levels: number, inside: string) => `${'['.repeat(levels)}${inside}${']'.repeat(levels)}`;

describe('the fingerprint of a request', () => {
  test.each([
    ['the order of members', '{"a":1,"b":{"c":2,"d":3}}', '{"b":{"d":3,"c":2},"a":1}'],
    ['white space', '{"a":[1,2]}', '{ "a" : [ 1, 2 ] }'],
    ['the spelling of a character', '{"a":"é"}', '{"a":"\\u00e9"}'],
  ])('does not depend on %s', (_, a, b) => {
    expect(of(a)).toBe(of(b));
  });

  test.each([
    ['a value', '{"a":1}', '{"a":2}'],
    ['a type', '{"a":1}', '{"a":"1"}'],
    ['a name', '{"a":1}', '{"b":1}'],
    ['the order of a list', '[1,2]', '[2,1]'],
    ['where a list ends', '[[1],2]', '[[1,2]]'],
    ['what lies very deep', deep(20_000, '1'), deep(20_000, '2')],
  ])('depends on %s', (_, a, b) => {
    expect(of(a)).not.toBe(of(b));
  });

  test('depends on the device', () => {
    expect(of('{}', 'laptop')).not.toBe(of('{}', 'phone'));
  });
});
