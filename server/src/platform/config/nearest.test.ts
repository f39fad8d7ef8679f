import { expect, test } from 'vitest';
import { editDistance, findNearest } from './nearest.ts';

test.each([
  ['', '', 0],
  ['', 'abc', 3],
  ['kitten', 'sitting', 3],
  ['start', 'strat', 2],
  ['same', 'same', 0],
])('from %j to %j it takes %i edits', (a, b, expected) => {
  expect(editDistance(a, b)).toBe(expected);
  expect(editDistance(b, a)).toBe(expected);
});

test.each([
  ['strat', 'start'],
  ['MIGRATE', 'migrate'],
  ['migrates', 'migrate'],
  ['xyzzy', undefined],
])('%s most likely means %s', (word, expected) => {
  expect(findNearest(word, ['start', 'migrate', 'tour', 'help'])).toBe(expected);
});
