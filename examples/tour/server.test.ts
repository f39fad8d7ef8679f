import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { readServerSettings } from './server.ts';

test.each([
  [{}, 'http://127.0.0.1:8080'],
  [{ PORT: '9000' }, 'http://127.0.0.1:9000'],
  [{ PORT: ' ' }, 'http://127.0.0.1:8080'],
  [{ HOST: '0.0.0.0' }, 'http://127.0.0.1:8080'],
  [{ HOST: '::' }, 'http://[::1]:8080'],
  [{ HOST: 'fe80::1', PORT: '1' }, 'http://[fe80::1]:1'],
  [{ HOST: 'alcove.local' }, 'http://alcove.local:8080'],
])('with %j the server is looked for at %s', (env, url) => {
  expect(readServerSettings(env).url).toBe(url);
});

test('the data folder is only known when it is set', () => {
  expect(readServerSettings({ ALCOVE_DATA_DIR: ' ' }).dataDir).toBeUndefined();
  expect(readServerSettings({ ALCOVE_DATA_DIR: './mine' }).dataDir).toBe(resolve('mine'));
});
