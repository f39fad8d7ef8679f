/** What is done to remote vaults as a whole: opened with a token, deleted, copied, put back, listened to; on a real server. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { accountDeletionText } from '@alcove/contract/account';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../src/platform/telemetry/index.ts';
import { type FlakyProxy, startFlakyProxy } from '../src/testing/doubles/flaky-proxy.ts';
import {
  type Answer,
  callApi,
  createTestClock,
  type HeardOnSocket,
  listenOnSocket,
  type Person,
  registerPerson,
  startTestServer,
  type TestServer,
} from '../src/testing/index.ts';
import { mintSqldToken, sqldIsAvailable, startTestSqld, type TestSqld } from '../src/testing/sqld.ts';

const operatorToken = 'an-operator-token-for-tests-only';
const adminKey = 'an-admin-key-for-tests';
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const vaultToken = mintSqldToken(privateKey);
const clock = createTestClock();
const logged: string[] = [];
const log = createLogger({ level: 'trace', human: false, write: (line) => void logged.push(line) });
/** What is removed goes by a job. */
const patience = { timeout: 20_000 };

describe.skipIf(!sqldIsAvailable)('vaults on a libSQL server that asks for a token', () => {
  let sqld: TestSqld;
  let admin: FlakyProxy;
  let env: Record<string, string>;
  let server: TestServer;
  let person: Person;
  let counter: number;

  beforeAll(async () => {
    sqld = await startTestSqld({
      adminKey,
      publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    });
    admin = await startFlakyProxy(sqld.adminUrl);
    env = {
      ALCOVE_OPERATOR_TOKEN: operatorToken,
      VAULT_URL: sqld.url,
      VAULT_AUTH_TOKEN: vaultToken,
      VAULT_ADMIN_URL: admin.url,
      VAULT_ADMIN_KEY: adminKey,
      VAULT_TIMEOUT_SECONDS: '2',
    };
    server = await startTestServer({ env, clock, log });
  });
  afterAll(async () => {
    await server.close();
    await admin[Symbol.asyncDispose]();
    await sqld[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    person = await registerPerson(server.url);
    await person.mintFirstEpoch();
    counter = 0;
  });

  const operator = (method: string, path: string, body?: unknown): Promise<Answer> =>
    callApi(server.url, method, path, body, { authorization: `Bearer ${operatorToken}` });

  async function push(id: string = randomUUID()): Promise<Answer> {
    counter += 1;
    const clockOfChange = { [person.device.id]: counter };
    const change = { id, kind: 'entry', op: 'put', clock: clockOfChange, epoch: 1, payload: 'YQ' };
    const changes = [{ ...change, time: '2026-11-20T07:00:00.000Z-0000' }];
    return person.call('POST', '/sync/push', { changes });
  }
  const pullIds = async (): Promise<string[]> => {
    const { body } = await person.call('GET', '/sync/pull');
    return body.changes.map(({ id }: { id: string }) => id);
  };
  async function findVault(): Promise<string> {
    return (await operator('GET', `/admin/vaults?account=${person.account.id}`)).body.data[0].name;
  }
  async function isThere(vault: string): Promise<boolean> {
    const headers = { authorization: `basic ${adminKey}` };
    return (await fetch(`${sqld.adminUrl}/v1/namespaces/${vault}/config`, { headers })).status === 200;
  }
  async function leave(): Promise<void> {
    const { body } = await person.call('POST', '/auth/me/challenge');
    const signature = person.keys.sign(accountDeletionText(body.challenge));
    const left = await person.call('DELETE', '/auth/me', { challenge: body.challenge, signature });
    expect(left.status).toBe(202);
  }

  test('open with it, and neither it nor the admin key stands in a log, an answer or a metric', async () => {
    expect((await push()).status).toBe(200);
    await server.restart({
      ...env,
      VAULT_AUTH_TOKEN: mintSqldToken(generateKeyPairSync('ed25519').privateKey),
    });
    person = { ...person, ...(await registerPerson(server.url)) };
    const refused = await push();
    await server.restart(env);
    expect(refused).toMatchObject({ status: 503, body: { code: 'vault.unavailable' } });
    const shown = await Promise.all([
      operator('GET', '/admin/vaults'),
      watch('metrics'),
      watch('health/detailed'),
    ]);
    const told = JSON.stringify([logged, refused.body, shown]);
    expect(logged.some((line) => line.includes('401'))).toBe(true);
    for (const secret of [vaultToken, vaultToken.split('.')[2] ?? '', adminKey])
      expect(told).not.toContain(secret);
  });

  const watch = async (what: string): Promise<string> => (await fetch(`${server.url}/${what}`)).text();

  test('are seen to fail in the metrics and in the health of the service, and to be back', async () => {
    await push();
    expect(await watch('metrics')).toContain('alcove_remote_vaults_failures 0');
    await sqld.kill();
    for (let times = 0; times < 2; times += 1)
      expect((await person.call('GET', '/sync/pull')).status).toBe(503);
    expect(await watch('metrics')).toContain('alcove_remote_vaults_failures 2');
    expect(await watch('health/detailed')).toContain('; the remote home failed the last 2 calls');
    await sqld.start();
    expect((await push()).status).toBe(200);
    expect(await watch('metrics')).toContain('alcove_remote_vaults_failures 0');
    expect(await watch('health/detailed')).not.toContain('remote home');
  });

  test('go with their account, and when they could not be removed at once, they go later', async () => {
    await push();
    const vault = await findVault();
    admin.misbehave({ concerning: '', how: { status: 500 } });
    const reached = admin.seenConcerned();
    await leave();
    await reached;
    await expect
      .poll(() => logged.some((line) => line.includes('something is still to be removed')))
      .toBe(true);
    admin.misbehave(undefined);
    expect(await isThere(vault)).toBe(true);
    // Another run may have been at it as well, and have failed later: then it is due later, too.
    const isThereLater = async () => {
      clock.forward(60_001);
      await server.runJob('identity.retry-removals');
      return isThere(vault);
    };
    await expect.poll(isThereLater, patience).toBe(false);
  });

  test('leave no copy behind when their account goes while they move', async () => {
    await push();
    const vault = await findVault();
    await move(vault, 'local');
    await expect.poll(() => isThere(vault), patience).toBe(false);
    const left = Promise.withResolvers<void>();
    // Of what the admin API is told, only that a database is to be made has a body.
    admin.misbehave({ concerning: '{}', how: { until: left.promise } });
    const reached = admin.seenConcerned();
    const moving = tryToMove(vault, 'remote');
    await reached;
    await leave();
    await server.runJob('identity.retry-removals');
    left.resolve();
    expect(await moving).toMatchObject({ status: 409, body: { code: 'vault.move_impossible' } });
    await expect.poll(() => isThere(vault), patience).toBe(false);
  });

  test('that could not be moved away leave no part of a copy there', async () => {
    await push();
    const vault = await findVault();
    await move(vault, 'local');
    await expect.poll(() => isThere(vault), patience).toBe(false);
    // The database is made, and nobody hears of it.
    admin.misbehave({ concerning: '{}', how: 'lose-answer' });
    expect((await tryToMove(vault, 'remote')).status).toBe(503);
    await expect.poll(() => isThere(vault), patience).toBe(false);
    admin.misbehave(undefined);
    await move(vault, 'remote');
    expect(await pullIds()).toHaveLength(1);
  });

  test('can come back as soon as what they left there could be removed, however often that failed', async () => {
    await push();
    const vault = await findVault();
    admin.misbehave({ concerning: '', how: { status: 500 } });
    const reached = admin.seenConcerned();
    await move(vault, 'local');
    await reached;
    expect((await operator('POST', '/admin/vaults/move', { vault, home: 'remote' })).status).toBe(409);
    admin.misbehave(undefined);
    await move(vault, 'remote');
    expect(await pullIds()).toHaveLength(1);
  });

  /** Moves it, as soon as what an earlier move left there has been removed. */
  async function tryToMove(vault: string, home: 'local' | 'remote'): Promise<Answer> {
    for (;;) {
      const answer = await operator('POST', '/admin/vaults/move', { vault, home });
      if (answer.status !== 409 || !answer.body.detail.includes('still being removed')) return answer;
      await sleep(20);
    }
  }
  async function move(vault: string, home: 'local' | 'remote'): Promise<void> {
    expect((await tryToMove(vault, home)).status).toBe(200);
  }

  test('are read from replicas where that is wished, also while the server is down, and those go with the account', async () => {
    await server.restart({ ...env, VAULT_REPLICAS: 'true' });
    person = await registerPerson(server.url);
    await push('an-entry-that-a-replica-has');
    for (let times = 0; times < 2; times += 1) await pullIds();
    expect(await watch('metrics')).toContain('alcove_vault_replicas 1');
    await sqld.kill();
    expect(await pullIds()).toEqual(['an-entry-that-a-replica-has']);
    expect((await person.call('GET', '/sync/status')).body.items).toBe(1);
    expect((await push()).body.code).toBe('vault.unavailable');
    await sqld.start();
    await leave();
    await expect.poll(() => watch('metrics'), patience).toContain('alcove_vault_replicas 0');
    await server.restart(env);
  });

  test('are copied to files and put back: devices begin again, and nothing that came after the copy is there', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'remote-copies-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    await push('an-entry-before-the-backup');
    const vault = await findVault();
    const { status, body } = await operator('POST', '/admin/vaults/backup', { vault, directory });
    expect([status, body.file]).toEqual([200, join(directory, `${vault}.db`)]);
    await push('an-entry-after-the-backup-');
    const { cursor } = (await person.call('GET', '/sync/pull')).body;
    expect((await operator('POST', '/admin/vaults/restore', { vault, file: body.file })).status).toBe(200);
    expect(await person.call('GET', `/sync/pull?cursor=${cursor}`)).toMatchObject({
      status: 410,
      body: { code: 'sync.resync_required', reason: 'restored', knownUpToSeq: 1 },
    });
    expect(await pullIds()).toEqual(['an-entry-before-the-backup']);
    expect((await push()).body.results).toMatchObject([{ status: 'applied', seq: 2 }]);
  });

  test('are heard of over the live channel, also after they were put back or have moved', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'remote-copies-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    await push();
    const vault = await findVault();
    const heard = await listen();
    const types = () => heard.messages.map(({ type }) => type);
    await expect.poll(types).toEqual(['changed']);
    const { body } = await operator('POST', '/admin/vaults/backup', { vault, directory });
    await operator('POST', '/admin/vaults/restore', { vault, file: body.file });
    await expect.poll(types).toEqual(['changed', 'resync']);
    await move(vault, 'local');
    await push();
    await expect.poll(types).toEqual(['changed', 'resync', 'changed']);
    await move(vault, 'remote');
    await push();
    await expect.poll(types).toEqual(['changed', 'resync', 'changed', 'changed']);
  });

  async function listen(): Promise<HeardOnSocket> {
    const headers = { authorization: `Bearer ${person.tokens.accessToken}` };
    const heard = await listenOnSocket(`${server.url}/api/v1/sync/live`, headers);
    onTestFinished(() => heard.close());
    return heard;
  }
});
