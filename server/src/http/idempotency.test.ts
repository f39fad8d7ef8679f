import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Ctx, inTransaction, systemCtx } from '../context.ts';
import { createEnvelope, loadMasterKeys } from '../platform/crypto/index.ts';
import { createDatabase, type Database } from '../platform/database/index.ts';
import { createIds } from '../platform/ids/index.ts';
import { createLogger } from '../platform/telemetry/index.ts';
import {
  callApi,
  createTestClock,
  createTestDevice,
  registerPerson,
  startTestServer,
  type TestServer,
} from '../testing/index.ts';
import { createIdempotency, type KeptAnswer } from './idempotency.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const register = (device: unknown, headers: Record<string, string>) =>
  callApi(server.url, 'POST', '/auth/register', { device }, headers);

test('fifty equal requests at once make one account, and every later one gets its answer', async () => {
  const device = createTestDevice().input;
  const headers = { 'idempotency-key': 'fifty-at-once' };
  const answers = await Promise.all(Array.from({ length: 50 }, () => register(device, headers)));
  const made = answers.filter(({ status }) => status === 201);
  const waiting = answers.filter(({ status }) => status === 409);
  expect(made.length + waiting.length).toBe(50);
  for (const { body } of waiting) expect(body.code).toBe('idempotency.running');
  for (const { headers } of waiting) expect(headers.get('retry-after')).toBe('1');
  const replay = await register(device, headers);
  expect(replay.status).toBe(201);
  expect(replay.headers.get('idempotency-replayed')).toBe('true');
  expect(new Set([...made, replay].map(({ body }) => body.account.id)).size).toBe(1);
});

test('a lost answer is had again, whichever way the key is spelt', async () => {
  const ada = await registerPerson(server.url);
  const headers = { 'idempotency-key': '"quoted"' };
  const rename = (key: Record<string, string>) =>
    ada.call('PATCH', `/auth/devices/${ada.device.id}`, { name: 'Desk' }, key);
  const first = await rename(headers);
  const again = await rename({ 'x-idempotency-key': 'quoted' });
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(again.body).toEqual(first.body);
});

test('the same key with another body is refused', async () => {
  const ada = await registerPerson(server.url);
  const rename = (name: string) =>
    ada.call('PATCH', `/auth/devices/${ada.device.id}`, { name }, { 'idempotency-key': 'another-body' });
  expect((await rename('Desk')).status).toBe(200);
  expect(await rename('Shelf')).toMatchObject({ status: 422, body: { code: 'idempotency.key_reused' } });
});

test("a stranger's key is in nobody's way", async () => {
  const headers = { 'idempotency-key': 'register-1' };
  const [stranger, ada] = [createTestDevice().input, createTestDevice().input];
  expect((await register(stranger, headers)).status).toBe(201);
  const first = await register(ada, headers);
  expect(first.status).toBe(201);
  expect((await register(ada, headers)).body).toEqual(first.body);
});

test('two headers that differ are refused', async () => {
  const answer = await register(createTestDevice().input, {
    'idempotency-key': 'a',
    'x-idempotency-key': 'b',
  });
  expect(answer).toMatchObject({ status: 400, body: { code: 'idempotency.invalid_key' } });
});

test('a refusal that lasts is replayed, and one by chance is not', async () => {
  const ada = await registerPerson(server.url);
  const revoke = (id: string) =>
    ada.call('DELETE', `/auth/devices/${id}`, undefined, { 'idempotency-key': `revoke-${id}` });
  const [first, again] = [await revoke(ada.account.id), await revoke(ada.account.id)];
  expect([first.status, again.status]).toEqual([404, 404]);
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  const [last, lastAgain] = [await revoke(ada.device.id), await revoke(ada.device.id)];
  expect([last.status, lastAgain.status]).toEqual([409, 409]);
  expect(lastAgain.headers.get('idempotency-replayed')).toBeNull();
});

test("one person's key says nothing about another's", async () => {
  const [ada, bob] = [await registerPerson(server.url), await registerPerson(server.url)];
  const mint = (person: typeof ada) =>
    person.call(
      'PATCH',
      `/auth/devices/${person.device.id}`,
      { name: 'Desk' },
      { 'idempotency-key': 'same' },
    );
  expect((await mint(ada)).body.id).toBe(ada.device.id);
  expect((await mint(bob)).body.id).toBe(bob.device.id);
});

test('a replay outlives a restart', async () => {
  const device = createTestDevice().input;
  const headers = { 'idempotency-key': 'outlives' };
  const first = await register(device, headers);
  await server.restart();
  expect((await register(device, headers)).body).toEqual(first.body);
});

test("a dead holder's claim frees itself, and should the holder live after all, its effect is taken back", async () => {
  const own = await startTestServer();
  await own.stop();
  const database: Database = await createDatabase({
    url: own.databaseUrl,
    directory: join(own.dataDir, 'control'),
    onError: () => {},
  });
  const clock = createTestClock();
  const masterKeys = await loadMasterKeys({ setting: undefined, dataDir: own.dataDir }, true);
  const idempotency = createIdempotency({
    clock,
    ids: createIds(clock),
    envelope: createEnvelope(masterKeys),
  });
  const log = createLogger({ level: 'silent' });
  const ctx: Ctx = systemCtx({ log, database, signal: AbortSignal.timeout(60_000), id: 'x' });
  const attempt = { method: 'POST', route: '/x', key: 'k', content: ['same'] };
  const answerOf = (body: string): KeptAnswer => ({ status: 200, headers: {}, body });

  const asleep = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const slow = idempotency.once(ctx, attempt, async (keep) => {
    started.resolve();
    await asleep.promise;
    await inTransaction(ctx, (tx) => keep(tx, answerOf('slow')));
    return answerOf('slow');
  });
  await started.promise;
  await expect(idempotency.once(ctx, attempt, async () => answerOf('early'))).rejects.toThrow(
    /still running/,
  );
  clock.forward(61_000);
  const taken = await idempotency.once(ctx, attempt, async () => answerOf('fast'));
  expect(taken).toMatchObject({ answer: { body: 'fast' }, isReplay: false });
  asleep.resolve();
  await expect(slow).rejects.toThrow(/still running/);
  expect(await idempotency.once(ctx, attempt, async () => answerOf('late'))).toMatchObject({
    answer: { body: 'fast' },
    isReplay: true,
  });
  await database[Symbol.asyncDispose]();
  await own.close();
});
