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
const ip = '192.0.2.1';

test('a hash is Argon2id with the parameters of the day, and salted', async () => {
  const [first, second] = await Promise.all([hasher.hash(ip, password), hasher.hash(ip, password)]);
  expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(second).not.toBe(first);
  expect(await hasher.matches(ip, password, first)).toBe(true);
  expect(await hasher.matches(ip, `${password} `, first)).toBe(false);
});

test.each([
  ['less memory', { ...weak, timeCost: 2 }, true],
  ['fewer rounds', { memoryCost: 19_456, timeCost: 1, parallelism: 1 }, true],
  ["today's parameters", { memoryCost: 19_456, timeCost: 2, parallelism: 1 }, false],
])('a hash with %s is outdated: %j', async (_, parameters, isOutdated) => {
  expect(hasher.isOutdated(await hash(password, parameters))).toBe(isOutdated);
});

test('no more than a few run at once, and whoever comes when too many wait is sent away', async () => {
  const gate = createGate({ parallelMax: 2, waitingPerAddressMax: 9, waitingMax: 3 });
  let running = 0;
  let runningMax = 0;
  const work = () =>
    gate(ip, async () => {
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
  const gate = createGate({ parallelMax: 1, waitingPerAddressMax: 0, waitingMax: 0 });
  await expect(gate(ip, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await gate(ip, async () => 'in')).toBe('in');
});

test('addresses take turns, and none fills the line: a flood from one keeps others waiting for one piece of work', async () => {
  const gate = createGate({ parallelMax: 1, waitingPerAddressMax: 3, waitingMax: 100 });
  const done: string[] = [];
  const call = (from: string, name: string) => gate(from, async () => void done.push(name));
  const first = Promise.withResolvers<void>();
  const running = gate('192.0.2.1', () => first.promise);
  const flood = Array.from({ length: 6 }, (_, at) => call(`2001:db8::${at}`, `flood ${at}`));
  const others = [call('192.0.2.2', 'Ada'), call('192.0.2.3', 'Bob'), call('192.0.2.2', 'Ada again')];
  const outcomes = Promise.allSettled(flood);
  first.resolve();
  await Promise.all([running, ...others]);
  expect((await outcomes).filter(({ status }) => status === 'rejected')).toHaveLength(3);
  expect(done).toEqual(['flood 0', 'Ada', 'Bob', 'flood 1', 'Ada again', 'flood 2']);
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
