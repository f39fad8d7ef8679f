/** Vaults that move between this machine and a libSQL server, and what becomes of them when that is cut off. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type FlakyProxy, startFlakyProxy } from '../src/testing/doubles/flaky-proxy.ts';
import {
  type Answer,
  asPerson,
  callApi,
  type Person,
  registerPerson,
  startTestServer,
  type TestServer,
} from '../src/testing/index.ts';
import { startServerProcess } from '../src/testing/process.ts';
import { sqldIsAvailable, startTestSqld, type TestSqld } from '../src/testing/sqld.ts';

/** What is removed goes by a job. */
const patience = { timeout: 20_000 };
const token = 'an-operator-token-for-tests-only';

/** What a pull shows of the vault, and not of the moment. */
function withoutTime({ body: { serverTime: _time, ...page } }: Answer) {
  return page;
}

describe.skipIf(!sqldIsAvailable)('a vault that moves', () => {
  let sqld: TestSqld;
  let line: FlakyProxy;
  let env: Record<string, string>;
  let server: TestServer;
  let url: string;
  let person: Person;
  let vault: string;
  let counter: number;

  beforeAll(async () => {
    sqld = await startTestSqld();
    line = await startFlakyProxy(sqld.url);
    env = {
      ALCOVE_OPERATOR_TOKEN: token,
      VAULT_URL: line.url,
      VAULT_ADMIN_URL: sqld.adminUrl,
      VAULT_TIMEOUT_SECONDS: '2',
    };
    server = await startTestServer({ env });
    url = server.url;
  });
  afterAll(async () => {
    await server.close();
    await line[Symbol.asyncDispose]();
    await sqld[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    person = await registerPerson(url);
    await person.mintFirstEpoch();
    counter = 0;
    expect((await push([entry(), entry(), entry({ op: 'delete', payload: undefined })])).status).toBe(200);
    const { body } = await operator('GET', `?account=${person.account.id}`);
    vault = body.data[0].name;
  });

  const operator = (method: string, path: string, body?: unknown): Promise<Answer> =>
    callApi(url, method, `/admin/vaults${path}`, body, { authorization: `Bearer ${token}` });
  const moveTo = (home: string) => operator('POST', '/move', { vault, home });
  const statusOfMove = (home: string) => async () => (await moveTo(home)).status;

  function entry(members: Record<string, unknown> = {}) {
    counter += 1;
    return {
      id: randomUUID(),
      kind: 'entry',
      op: 'put',
      clock: { [person.device.id]: counter },
      time: '2026-11-20T07:00:00.000Z-0000',
      epoch: 1,
      payload: 'YQ',
      ...members,
    };
  }
  const at = () => asPerson(url, person.keys, person);
  const push = (changes: readonly unknown[]) => at().call('POST', '/sync/push', { changes });
  const pull = (query = '') => at().call('GET', `/sync/pull${query}`);
  const pullAll = async () => withoutTime(await pull());
  const isHere = () =>
    readdirSync(join(server.dataDir, 'vaults'), { recursive: true, encoding: 'utf8' }).some((file) =>
      file.includes(vault),
    );
  const isThere = async (): Promise<boolean> =>
    (await fetch(`${sqld.adminUrl}/v1/namespaces/${vault}/config`)).status === 200;

  test('to this machine and away again is the same vault: devices go on from their cursors', async () => {
    const before = await pullAll();
    const moved = await moveTo('local');
    expect(moved).toMatchObject({ status: 200, body: { vault, home: 'local', rows: expect.any(Number) } });
    expect(await pullAll()).toEqual(before);
    await expect.poll(isThere, patience).toBe(false);

    await push([entry()]);
    expect((await pull(`?cursor=${before.cursor}`)).body.changes).toHaveLength(1);
    const all = await pullAll();
    await settleAt('remote');
    expect(await pullAll()).toEqual(all);
    await expect.poll(isHere, patience).toBe(false);
  });

  test('to where it is stays there', async () => {
    expect((await moveTo('remote')).body).toEqual({ vault, home: 'remote', rows: null, sha256: null });
  });

  test('and does not exist is not there', async () => {
    const nobody = await operator('POST', '/move', { vault: '0'.repeat(32), home: 'local' });
    expect(nobody).toMatchObject({ status: 404, body: { code: 'vault.unknown' } });
  });

  test('answers nobody on its way, and keeps what was acknowledged until then', async () => {
    const held = (await pull()).body.changes.length;
    // The answer to the first page that is read of it is held back.
    line.misbehave({ concerning: 'chosen_row', how: 'hang' });
    const reached = line.seenConcerned();
    const moving = moveTo('local');
    await reached;
    expect((await push([entry()])).body.code).toBe('vault.moving');
    expect((await pull()).headers.get('retry-after')).toBe('2');
    line.misbehave(undefined);
    expect((await moving).status).toBe(503);
    expect((await push([entry()])).status).toBe(200);
    expect((await pull()).body.changes).toHaveLength(held + 1);
  });

  test.each([
    ['cannot be read', 'local', { concerning: 'chosen_row', how: { status: 500 } }],
    ['cannot be written', 'remote', { concerning: 'INSERT INTO synced_entries', how: 'lose-request' }],
    ['is written in part', 'remote', { concerning: 'INSERT INTO synced_entries', how: 'lose-answer' }],
  ] as const)('stays where it is when the copy %s, and can be moved later', async (_, home, fault) => {
    if (home === 'remote') await settleAt('local');
    const before = await pullAll();
    line.misbehave(fault);
    await expect.poll(statusOfMove(home), patience).toBe(503);
    line.misbehave(undefined);
    expect(await pullAll()).toEqual(before);
    await settleAt(home);
    expect(await pullAll()).toEqual(before);
  });

  /** Moves it, as soon as what an earlier move left there has been removed. */
  async function settleAt(home: 'local' | 'remote'): Promise<void> {
    await expect.poll(statusOfMove(home), patience).toBe(200);
  }
});

describe.skipIf(!sqldIsAvailable)('a service that is killed while a vault moves', () => {
  test.each([
    ['home', 'local', 'chosen_row'],
    ['away', 'remote', 'INSERT INTO synced_entries'],
  ])(
    '%s serves it as it was once the move is repeated',
    async (_, home, step) => {
      await using sqld = await startTestSqld();
      await using line = await startFlakyProxy(sqld.url);
      const dataDir = mkdtempSync(join(tmpdir(), 'moves-'));
      onTestFinished(() => rmSync(dataDir, { recursive: true }));
      const remote = { VAULT_URL: line.url, VAULT_ADMIN_URL: sqld.adminUrl };
      const env = { ...remote, ALCOVE_OPERATOR_TOKEN: token, PUBLIC_URL: 'http://alcove.test' };
      const start = () => startServerProcess({ dataDir, logFile: join(dataDir, 'test.log'), env });
      const call = (url: string, method: string, path: string, body?: unknown) =>
        callApi(url, method, `/admin/vaults${path}`, body, { authorization: `Bearer ${token}` });

      const first = await start();
      const person = await registerPerson(first.url);
      await person.mintFirstEpoch();
      const change = { id: randomUUID(), kind: 'entry', op: 'put', clock: { [person.device.id]: 1 } };
      const rest = { time: '2026-11-20T07:00:00.000Z-0000', epoch: 1, payload: 'YQ' };
      const pushed = await person.call('POST', '/sync/push', { changes: [{ ...change, ...rest }] });
      expect(pushed.status).toBe(200);
      const before = withoutTime(await person.call('GET', '/sync/pull'));
      const { data } = (await call(first.url, 'GET', `?account=${person.account.id}`)).body;
      const vault = data[0].name;
      if (home === 'remote') await call(first.url, 'POST', '/move', { vault, home: 'local' });
      line.misbehave({ concerning: step, how: 'hang' });
      const reached = line.seenConcerned();
      // Refused with 409 until what an earlier move left there has been removed.
      const move = () => call(first.url, 'POST', '/move', { vault, home });
      const cutOff = expect.poll(async () => (await move()).status, patience).not.toBe(409);
      cutOff.catch(() => undefined);
      await reached;
      await first.kill();
      line.misbehave(undefined);

      await using second = await start();
      const again = asPerson(second.url, person.keys, person);
      expect(await again.call('GET', '/sync/pull')).toMatchObject({
        status: 503,
        body: { code: 'vault.moving' },
      });
      expect((await call(second.url, 'POST', '/move', { vault, home })).status).toBe(200);
      expect(withoutTime(await again.call('GET', '/sync/pull'))).toEqual(before);
    },
    180_000,
  );
});
