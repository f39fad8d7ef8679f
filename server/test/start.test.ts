/** The process from outside: what an operator meets when starting and stopping it. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { createTestDevice } from '../src/testing/index.ts';
import { alcoveBin } from '../src/testing/process.ts';
import { createGround } from './crash/ground.ts';

const exitWithinMs = 10_000;
/** Well below what requests that do not end are given. */
const exitWhenDoneMs = 4_000;

test('a second server on the same data folder refuses with a sentence, and the first serves on', async () => {
  await using ground = await createGround();
  const first = await ground.start();
  const env = { PATH: process.env.PATH ?? '', PORT: '0', ALCOVE_DATA_DIR: ground.dataDir };
  const second = promisify(execFile)(process.execPath, [alcoveBin, 'start'], { env, cwd: ground.dataDir });
  await expect(second).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      `^Another Alcove \\(process ${first.pid}, started [^)]+\\) already uses ${ground.dataDir}\\. Stop it, or point ALCOVE_DATA_DIR elsewhere\\.\n$`,
    ),
  });
  expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
});

test('SIGTERM lets a request under way finish, takes no new ones, and ends with exit code 0 as soon as it is done', async () => {
  await using ground = await createGround();
  const server = await ground.start();
  const slow = await beginSlowRequest(server.url);
  const exit = server.stop();
  await waitUntilRefused(server.url);
  slow.finish();
  const finishedAt = performance.now();
  expect(await slow.answer).toMatch(/^HTTP\/1\.1 201 Created\r\n/);
  expect(await exit).toBe(0);
  expect(performance.now() - finishedAt).toBeLessThan(exitWhenDoneMs);
});

test('a service that drains says so on /readyz: on new connections at first, and on one whose request was half sent', async () => {
  await using ground = await createGround();
  const server = await ground.start();
  const slow = await beginSlowRequest(server.url);
  const late = await beginReadinessRequest(server.url);
  const exit = server.stop();
  expect(await firstNotReady(server.url)).toMatchObject({
    code: 'service.not_ready',
    reasons: ['draining'],
  });
  await waitUntilRefused(server.url);
  late.finish();
  const answer = await late.answer;
  expect(answer).toMatch(/^HTTP\/1\.1 503 .*\r\ncontent-type: application\/problem\+json/is);
  expect(answer).toContain('"reasons":["draining"]');
  slow.finish();
  expect(await exit).toBe(0);
});

test('a data folder whose control database is gone is refused, and left as it is', async () => {
  await using ground = await createGround();
  const control = join(ground.dataDir, 'control');
  await rm(control, { recursive: true, force: true });
  const env = { PATH: process.env.PATH ?? '', PORT: '0', ALCOVE_DATA_DIR: ground.dataDir };
  for (const args of [['start'], ['migrate', 'up'], ['master-key', 'status']]) {
    const command = promisify(execFile)(process.execPath, [alcoveBin, ...args], { env, cwd: ground.dataDir });
    await expect(command).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(`^${ground.dataDir} holds a master key, but the control database `),
    });
  }
  expect(existsSync(control)).toBe(false);
});

test('a request that never ends does not keep a server from stopping in time', async () => {
  await using ground = await createGround();
  const server = await ground.start();
  const endless = await beginSlowRequest(server.url);
  const askedAt = performance.now();
  expect(await server.stop()).toBe(0);
  expect(performance.now() - askedAt).toBeLessThan(exitWithinMs);
  expect(await endless.answer).toBe('');
});

/** A registration whose body has arrived by half; the server has to be in the middle of it. */
async function beginSlowRequest(url: string) {
  const body = JSON.stringify({ device: createTestDevice().input });
  const half = Math.floor(body.length / 2);
  const head =
    `POST /api/v1/auth/register HTTP/1.1\r\nHost: alcove.test\r\nContent-Type: application/json\r\n` +
    `Content-Length: ${body.length}\r\n\r\n`;
  return beginRequest(url, head + body.slice(0, half), body.slice(half));
}

/** A request of which the server has read the beginning of the head. */
const beginReadinessRequest = (url: string) =>
  beginRequest(url, 'GET /readyz HTTP/1.1\r\nHost: alcove.test\r\n', '\r\n');

async function beginRequest(url: string, first: string, rest: string) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(first);
  // There is no sign from the server that half a request has arrived.
  await sleep(200);
  return { answer: readToEnd(socket), finish: () => void socket.write(rest) };
}

async function readToEnd(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', () => undefined);
  await once(socket, 'close');
  return text;
}

/** The first answer of /readyz that is not 200. */
async function firstNotReady(url: string): Promise<unknown> {
  for (;;) {
    const response = await fetch(`${url}/readyz`);
    const body: unknown = await response.json();
    if (response.status !== 200) return body;
  }
}

async function waitUntilRefused(url: string): Promise<void> {
  const isRefused = () =>
    fetch(`${url}/healthz`).then(
      () => false,
      () => true,
    );
  while (!(await isRefused())) await sleep(10);
}
