import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const bin = fileURLToPath(new URL('../../bin/alcove.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'alcove-start-'));

function start(env: Record<string, string>): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [bin, 'start'], {
    cwd: folder,
    env: { PATH: process.env.PATH, ALCOVE_DATA_DIR: join(folder, 'data'), PORT: '0', ...env },
  });
}

async function refusal(env: Record<string, string>) {
  const child = start(env);
  const [message, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
  return { code, message };
}

/** Waits until the service has said everything that it says at its first start. */
async function greetingOf(child: ChildProcessWithoutNullStreams): Promise<string> {
  let said = '';
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.once('exit', (code) => reject(new Error(`ended with ${code} after: ${said}`)));
  child.stdout.on('data', (chunk) => {
    said += chunk;
    if (said.includes('npm run tour')) resolve(said);
  });
  return promise;
}

let first: ChildProcessWithoutNullStreams;
let greeting: string;
let address: string;

beforeAll(async () => {
  first = start({});
  greeting = await greetingOf(first);
  address = /listens on (http:\S+)/.exec(greeting)?.[1] ?? '';
});

afterAll(() => {
  first.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

test('the first start says where it listens, on which database, where the data lies and what to do next', () => {
  expect(address).not.toBe('');
  expect(greeting).toContain('embedded PostgreSQL');
  expect(greeting).toContain(join(folder, 'data'));
  expect(greeting).toContain('npm run tour');
});

test('a PostgreSQL that does not answer is named as the reason, without the password', async () => {
  const { code, message } = await refusal({
    ALCOVE_DATA_DIR: join(folder, 'other'),
    DATABASE_URL: 'postgres://me:hunter2@127.0.0.1:1/alcove',
  });
  expect(message).toContain('PostgreSQL does not answer at DATABASE_URL');
  expect(message).not.toContain('hunter2');
  expect(code).toBe(1);
});

test('a port that is taken is named as the reason', async () => {
  const { code, message } = await refusal({
    ALCOVE_DATA_DIR: join(folder, 'third'),
    PORT: new URL(address).port,
  });
  expect(message).toContain('Something already listens there');
  expect(code).toBe(1);
});
