import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { readCommandLine } from './command-line.ts';

test('a journal is taken from the folder one stands in', () => {
  const expected = { kind: 'tour', journalPath: resolve('mine.json') };
  expect(readCommandLine(['--journal', 'mine.json'])).toEqual(expected);
  expect(readCommandLine(['--journal=mine.json'])).toEqual(expected);
});

test.each(['--help', '-h'])('%s explains', (option) => {
  expect(readCommandLine([option])).toEqual({ kind: 'help' });
});

test.each([
  [['--jurnal', 'x'], "Unknown option '--jurnal'."],
  [['-j'], "Unknown option '-j'."],
  [['mine.json'], "Unexpected argument 'mine.json'."],
  [['--journal'], "Option '--journal <value>' argument missing."],
  [['--journal='], 'The option --journal needs a value.'],
  [['--help=yes'], "Option '-h, --help' does not take an argument."],
])('%j is not understood', (args, reason) => {
  expect(readCommandLine(args)).toEqual({ kind: 'misunderstood', reason });
});
