import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createTerminal, type Terminal } from './terminal.ts';

/** What is written to an output of this kind. */
function written(kind: { isTTY?: boolean; columns?: number }, write: (terminal: Terminal) => void): string {
  const output = Object.assign(new PassThrough({ encoding: 'utf8' }), kind);
  write(createTerminal(output));
  return String(output.read());
}

const showThirds = (terminal: Terminal) => {
  const bar = terminal.progress('imported', 3);
  for (const done of [0, 1, 2, 3]) bar.show(done);
};

test('on a terminal the bar is one line that is rewritten and ends when it is full', () => {
  const lines = written({ isTTY: true }, showThirds).split('\r');
  expect(lines.map((line) => line.trimStart())).toEqual([
    '',
    `imported ${'░'.repeat(30)} 0 of 3`,
    `imported ${'█'.repeat(10)}${'░'.repeat(20)} 1 of 3`,
    `imported ${'█'.repeat(20)}${'░'.repeat(10)} 2 of 3`,
    `imported ${'█'.repeat(30)} 3 of 3\n`,
  ]);
});

test('elsewhere progress is plain lines, one for each quarter at most', () => {
  expect(written({}, showThirds)).toBe(
    ['imported 1 of 3 (33 %)', 'imported 2 of 3 (66 %)', 'imported 3 of 3 (100 %)', '']
      .map((line) => (line === '' ? '' : `    ${line}`))
      .join('\n'),
  );
  const hundred = written({}, (terminal) => {
    const bar = terminal.progress('imported', 100);
    for (let done = 1; done <= 100; done += 1) bar.show(done);
  });
  expect(hundred.trim().split('\n')).toHaveLength(4);
});

test('only a terminal gets colours', () => {
  const speak = (terminal: Terminal) => {
    terminal.title('A title');
    terminal.step('a step');
    terminal.proven('held');
    terminal.quote('label', 'text');
  };
  const escapeCharacter = String.fromCharCode(27);
  expect(written({ isTTY: true }, speak)).toContain(escapeCharacter);
  expect(written({}, speak)).not.toContain(escapeCharacter);
});

test('a quoted text cannot steer the terminal, and takes one line', () => {
  const hostile = `\u001b]0;owned\u0007\u001b[2Jfirst\r\nsecond\u0000 ${'long '.repeat(100)}`;
  const line = written({ columns: 60 }, (terminal) => terminal.quote('text', hostile));
  expect(line).toMatch(/^ {4}text {10}first second long [a-z ]+…\n$/);
  expect(line.length).toBeLessThanOrEqual(61);
});

test('a long fact is broken between words, and goes on below its beginning', () => {
  const text = written({ columns: 40 }, (terminal) =>
    terminal.proven('one two three four five six seven eight nine'),
  );
  expect(text).toBe('    ✓ one two three four five six seven\n      eight nine\n');
});

test('a terminal that calls itself zero wide gets lines of the usual length', () => {
  const fact = 'A sentence of middling length.';
  expect(written({ columns: 0 }, (terminal) => terminal.fact(fact))).toBe(`    ${fact}\n`);
});

test('the last step is known by its number and name', () => {
  const terminal = createTerminal(new PassThrough());
  expect(terminal.lastStep).toBeUndefined();
  terminal.step('first');
  terminal.step('second');
  expect(terminal.lastStep).toBe('2, second');
});
