import { join } from 'node:path';
import { hash } from '@node-rs/argon2';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { createDatabase } from '../../../platform/database/index.ts';
import { callApi, startTestServer, type TestServer } from '../../../testing/index.ts';
import { createGate } from './gate.ts';
import { createPasswordHasher } from './hashing.ts';

const password = 'seventeen green otters';
const weak = { memoryCost: 4096, timeCost: 1, parallelism: 1 };
const hasher = createPasswordHasher();

test('a hash is Argon2id with the parameters of the day, and salted', async () => {
  const [first, second] = await Promise.all([hasher.hash(password), hasher.hash(password)]);
  expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(second).not.toBe(first);
  expect(await hasher.matches(password, first)).toBe(true);
  expect(await hasher.matches(`${password} `, first)).toBe(false);
});

test.each([
  ['less memory', { ...weak, timeCost: 2 }, true],
  ['fewer rounds', { memoryCost: 19_456, timeCost: 1, parallelism: 1 }, true],
  ["today's parameters", { memoryCost: 19_456, timeCost: 2, parallelism: 1 }, false],
])('a hash with %s is outdated: %j', async (_, parameters, isOutdated) => {
  expect(hasher.isOutdated(await hash(password, parameters))).toBe(isOutdated);
});

test('no more than a few run at once, and whoever comes when too many wait is sent away', async () => {
  const gate = createGate({ parallelMax: 2, waitingMax: 3 });
  let running = 0;
  let runningMax = 0;
  const work = () =>
    gate(async () => {
      running += 1;
      runningMax = Math.max(runningMax, running);
      await new Promise(setImmediate);
      running -= 1;
    });
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, work));
  expect(outcomes.map(({ status }) => status)).toEqual([
    ...Array(5).fill('fulfilled'),
    ...Array(3).fill('rejected'),
  ]);
  expect(runningMax).toBe(2);
  await expect(work()).resolves.toBeUndefined();
});

test('work that fails gives its place back', async () => {
  const gate = createGate({ parallelMax: 1, waitingMax: 0 });
  await expect(gate(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await gate(async () => 'in')).toBe('in');
});

/** Runs one statement in the stopped service's database. */
async function inDatabase<T>(server: TestServer, query: ReturnType<typeof sql<T>>): Promise<readonly T[]> {
  await using database = await createDatabase({
    url: server.databaseUrl,
    directory: join(server.dataDir, 'control'),
    onError: () => undefined,
  });
  return await database.asOwner(async (tx) => (await query.execute(tx)).rows);
}

test('signing in replaces a hash that was made with weaker parameters', async () => {
  await using server = await startTestServer();
  const email = 'renewed@example.com';
  await callApi(server.url, 'POST', '/auth/signup', { email, password });
  await server.stop();
  await inDatabase(server, sql`update password set hash = ${await hash(password, weak)}`);
  await server.restart();
  expect((await callApi(server.url, 'POST', '/auth/login', { email, password })).status).toBe(200);
  expect((await callApi(server.url, 'POST', '/auth/login', { email, password })).status).toBe(200);
  await server.stop();
  const [row] = await inDatabase(server, sql<{ hash: string }>`select hash from password`);
  expect(row?.hash).toMatch(/\$m=19456,t=2,p=1\$/);
});
