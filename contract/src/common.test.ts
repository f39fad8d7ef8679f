import { Compile } from 'typebox/compile';
import { describe, expect, test } from 'vitest';
import { lineOfTextPattern, Moment, Name } from './common.ts';

describe('a name', () => {
  const schema = Compile(Name());
  const patterns = [new RegExp(lineOfTextPattern), new RegExp(lineOfTextPattern, 'u')];

  test.each(['Ada', "Ada's 📱", 'אדה', '👩‍💻', '𠮷野家', 'a b', 'é'])('may be %s', (name) => {
    expect(schema.Check(name)).toBe(true);
    expect(patterns.map((pattern) => pattern.test(name))).toEqual([true, true]);
  });

  test.each([
    '\0',
    '\n',
    '\r',
    '\t',
    '\u007f',
    '\u0085',
    '\u061c',
    '\u200e',
    '\u2028',
    '\u202e',
    '\u2066',
    '\ud83d',
    '\udcf1',
  ])('does not hold %j, whoever reads the pattern', (character) => {
    for (const name of [character, `a${character}`, `${character}a`]) {
      expect(schema.Check(name)).toBe(false);
      expect(patterns.map((pattern) => pattern.test(name))).toEqual([false, false]);
    }
  });

  test.each(['', 'a'.repeat(101)])('is neither empty nor endless', (name) => {
    expect(schema.Check(name)).toBe(false);
  });
});

describe('a moment', () => {
  const schema = Compile(Moment);

  test.each([
    '0001-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999Z',
    '9999-12-31T23:59:59+14:00',
    '2026-11-20t01:02:03.123456789-08:00',
    '2028-02-29T00:00:00z',
  ])('may be %s, and is a date of the years 1 to 9999', (text) => {
    expect(schema.Check(text)).toBe(true);
    const year = new Date(text).getUTCFullYear();
    expect(year).toBeGreaterThanOrEqual(1);
    expect(year).toBeLessThanOrEqual(9999);
  });

  test.each([
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+14:00',
    '9999-12-31T23:59:59-14:00',
    '2016-12-31T23:59:60Z',
    '2016-12-31T15:59:60-08:00',
    '2027-02-29T00:00:00Z',
    '2026-11-20T24:00:00Z',
    '2026-11-20T00:00:00',
    '2026-11-20T00:00:00Z[Europe/Paris]',
    '2026-11-20',
    '',
  ])('is not %j', (text) => {
    expect(schema.Check(text)).toBe(false);
  });
});
