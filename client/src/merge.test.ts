import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Conflict } from './conflicts.ts';
import { AlcoveError } from './errors.ts';
import { mergeFields } from './merge.ts';

type Version = Conflict['mine'];

/** A version that device `minute` wrote at that minute. */
function at(minute: number, value: unknown, rest: Partial<Version> = {}): Version {
  const time = `2026-11-20T07:0${minute}:00.000Z-0000`;
  return { value, time, deviceId: `device-${minute}`, deleted: false, ...rest };
}

const base = (value: unknown) => ({ base: { value } });
const none = {};
const dangerous: unknown = JSON.parse('{"__proto__": 1, "a": 1}');
const unreadable = { value: undefined, error: new AlcoveError('keys.missing', 'not yet') };

const cases: readonly (readonly [
  title: string,
  base: { base?: { value: unknown } },
  versions: readonly [Version, ...Version[]],
  value: unknown,
  clashes: readonly (readonly [pointer: string, kept: unknown, dropped: readonly unknown[]])[],
])[] = [
  [
    'changes of different fields',
    base({ a: 1, b: 1 }),
    [at(1, { a: 2, b: 1 }), at(2, { a: 1, b: 2 })],
    { a: 2, b: 2 },
    [],
  ],
  ['the same change twice', base({ a: 1 }), [at(1, { a: 2 }), at(2, { a: 2 })], { a: 2 }, []],
  ['a clash', base({ a: 1 }), [at(1, { a: 2 }), at(2, { a: 3 })], { a: 3 }, [['/a', 3, [2]]]],
  [
    'an older change beside a newer that left the field',
    base({ a: 1, b: 1 }),
    [at(2, { a: 1, b: 2 }), at(1, { a: 9, b: 1 })],
    { a: 9, b: 2 },
    [],
  ],
  ['a removal', base({ a: 1, b: 1 }), [at(1, { b: 1 }), at(2, { a: 1, b: 1 })], { b: 1 }, []],
  [
    'a removal against a change',
    base({ a: 1 }),
    [at(1, { a: 2 }), at(2, {})],
    { a: 2 },
    [['/a', 2, [undefined]]],
  ],
  ['additions', base({}), [at(1, { a: 1 }), at(2, { b: 1 })], { b: 1, a: 1 }, []],
  [
    'objects that both added',
    base({}),
    [at(1, { o: { a: 1 } }), at(2, { o: { b: 1 } })],
    { o: { b: 1, a: 1 } },
    [],
  ],
  [
    'nested fields',
    base({ o: { 'x/y': 1, '~': 1 } }),
    [at(1, { o: { 'x/y': 2, '~': 2 } }), at(2, { o: { 'x/y': 3, '~': 2 } })],
    { o: { 'x/y': 3, '~': 2 } },
    [['/o/x~1y', 3, [2]]],
  ],
  [
    'an object against a text',
    base({ a: { b: 1 } }),
    [at(1, { a: { b: 2 } }), at(2, { a: 'no' })],
    { a: 'no' },
    [['/a', 'no', [{ b: 2 }]]],
  ],
  [
    'lists, which stay whole',
    base({ a: [1] }),
    [at(1, { a: [1, 2] }), at(2, { a: [3] })],
    { a: [3] },
    [['/a', [3], [[1, 2]]]],
  ],
  ['texts, which stay whole', base('x'), [at(1, 'x y'), at(2, 'y x')], 'y x', [['', 'y x', ['x y']]]],
  [
    'three versions',
    base({ a: 1, b: 1, c: 1 }),
    [at(1, { a: 2, b: 1, c: 1 }), at(2, { a: 1, b: 2, c: 1 }), at(3, { a: 1, b: 3, c: 1 })],
    { a: 2, b: 3, c: 1 },
    [['/b', 3, [2]]],
  ],
  [
    'no base: what only one has stays',
    none,
    [at(1, { a: 1, b: 1 }), at(2, { b: 2, c: 2 })],
    { b: 2, c: 2, a: 1 },
    [['/b', 2, [1]]],
  ],
  ['no base: null is a value', none, [at(1, { a: 1 }), at(2, { a: null })], { a: null }, [['/a', null, [1]]]],
  [
    'a deletion gives way',
    base({ a: 1 }),
    [at(1, { a: 2 }), at(2, undefined, { deleted: true })],
    { a: 2 },
    [],
  ],
  ['what does not open is left out', none, [at(2, undefined, unreadable), at(1, { a: 2 })], { a: 2 }, []],
  [
    'a member called __proto__',
    none,
    [at(1, dangerous), at(2, { b: 1 })],
    JSON.parse('{"b": 1, "__proto__": 1, "a": 1}'),
    [],
  ],
];

describe('mergeFields', () => {
  it.each(cases)('brings together %s', (_title, known, [mine, ...theirs], value, clashes) => {
    const merged = mergeFields({ ...known, mine, theirs });
    expect(JSON.stringify(merged.value)).toBe(JSON.stringify(value));
    expect(merged.clashes).toEqual(clashes.map(([pointer, kept, dropped]) => ({ pointer, kept, dropped })));
  });

  it('gives every device the same, whichever version it calls its own, and loses no field that clashes', () => {
    const value = fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), fc.jsonValue({ maxDepth: 1 }));
    fc.assert(
      fc.property(fc.option(value), fc.array(value, { minLength: 2, maxLength: 4 }), (before, values) => {
        const versions = values.map((each, minute) => at(minute, each));
        const known = before === null ? none : base(before);
        const results = versions.map((mine) =>
          mergeFields({ ...known, mine, theirs: versions.filter((version) => version !== mine) }),
        );
        for (const result of results) expect(JSON.stringify(result)).toBe(JSON.stringify(results[0]));
      }),
    );
  });
});
