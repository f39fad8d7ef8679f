import { expect, test } from 'vitest';
import { Secret } from '../crypto/secret.ts';
import { createLogger, type LoggerOptions } from './index.ts';

const value = 'correct horse battery staple';

function linesOf(
  options: Partial<LoggerOptions>,
  log: (logger: ReturnType<typeof createLogger>) => void,
): string {
  const lines: string[] = [];
  log(createLogger({ level: 'debug', human: false, write: (line) => lines.push(line), ...options }));
  return lines.join('');
}

test('a line is JSON with time, level and message', () => {
  const line: unknown = JSON.parse(linesOf({}, (log) => log.info({ port: 8080 }, 'listening')));
  expect(line).toEqual({ time: expect.any(String), level: 'info', port: 8080, msg: 'listening' });
});

test.each([true, false])('a secret never reaches the log (human lines: %s)', (human) => {
  const secret = new Secret(value);
  const text = linesOf({ human }, (log) => {
    log.info({ secret, deep: { list: [secret] } }, `as text ${secret}`);
    log.child({ secret }).warn('from a child');
    log.error({ err: new Error(`refused ${secret}`, { cause: secret }) }, 'failed');
  });
  expect(text).toContain('[secret]');
  expect(text).not.toContain(value);
});

test('the row that a database driver hangs onto its error stays out of the log', () => {
  const err = Object.assign(new Error('duplicate key'), { code: '23505', detail: `Key (email)=(${value})` });
  const text = linesOf({}, (log) => log.error({ err }, 'insert failed'));
  expect(text).toContain('23505');
  expect(text).not.toContain(value);
});

test('the cause of an error is logged with it', () => {
  const err = new Error('outer', { cause: new Error('inner') });
  const text = linesOf({ human: true }, (log) => log.error({ err }, 'failed'));
  expect(text).toMatch(/outer[\s\S]*caused by[\s\S]*inner/);
});

test('a line break in a value cannot forge a second line', () => {
  const text = linesOf({ human: true }, (log) => log.info({ agent: 'x\n12:00:00 info forged' }, 'hello'));
  expect(text.trimEnd().split('\n')).toHaveLength(1);
});

test('lines below the level are not written', () => {
  expect(linesOf({ level: 'warn' }, (log) => log.info('quiet'))).toBe('');
});
