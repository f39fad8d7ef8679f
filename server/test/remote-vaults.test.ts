/** Vaults on a libSQL server, as people meet them: through the service, with a real server and a line that can break. */
import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type FlakyProxy, startFlakyProxy } from '../src/testing/doubles/flaky-proxy.ts';
import { type Person, registerPerson, startTestServer, type TestServer } from '../src/testing/index.ts';
import { sqldIsAvailable, startTestSqld, type TestSqld } from '../src/testing/sqld.ts';

describe.skipIf(!sqldIsAvailable)('vaults on a libSQL server', () => {
  let sqld: TestSqld;
  let line: FlakyProxy;
  let server: TestServer;
  let person: Person;
  let counter: number;

  beforeAll(async () => {
    sqld = await startTestSqld({ adminKey: 'an-admin-key' });
    line = await startFlakyProxy(sqld.url);
    server = await startTestServer({
      env: {
        VAULT_URL: line.url,
        VAULT_ADMIN_URL: sqld.adminUrl,
        VAULT_ADMIN_KEY: 'an-admin-key',
        VAULT_TIMEOUT_SECONDS: '2',
      },
    });
  });
  afterAll(async () => {
    await server.close();
    await line[Symbol.asyncDispose]();
    await sqld[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    person = await registerPerson(server.url);
    counter = 0;
  });

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
  const push = (changes: readonly unknown[], who = person, headers = {}) =>
    who.call('POST', '/sync/push', { changes }, headers);
  const pull = (who = person) => who.call('GET', '/sync/pull');
  const ready = async () => (await fetch(`${server.url}/readyz`)).status;
  /** The name that the server was last asked for, in the Host header. */
  async function readVaultName(): Promise<string> {
    await pull();
    return line.lastHost.split('.')[0] ?? '';
  }

  test('keep what is pushed, and lie nowhere on this machine', async () => {
    const changes = [entry(), entry()];
    expect((await push(changes)).body.results).toMatchObject([{ status: 'applied' }, { status: 'applied' }]);
    expect((await pull()).body.changes).toMatchObject(changes);
    const files = readdirSync(join(server.dataDir, 'vaults'), { recursive: true, encoding: 'utf8' });
    expect(files.filter((file) => file.includes('.db'))).toEqual([]);
  });

  test('cost two journeys for a push', async () => {
    await push([entry()]);
    const before = line.seen;
    await push([entry(), entry()]);
    expect(line.seen - before).toBe(2);
  });

  test('take a push whose answer was lost on the way as what it is: a repetition', async () => {
    await push([entry()]);
    const change = entry();
    line.misbehave({ concerning: 'COMMIT', how: 'lose-answer' });
    const lost = await push([change]);
    expect(lost).toMatchObject({ status: 503, body: { code: 'vault.unavailable' } });
    expect(lost.headers.get('retry-after')).toBe('2');
    line.misbehave(undefined);
    expect((await push([change])).body.results).toEqual([{ id: change.id, status: 'duplicate', seq: 2 }]);
  });

  test('answer a repetition with its Idempotency-Key as the first time, when only the answer was lost', async () => {
    await push([entry()]);
    const [change, key] = [entry(), randomUUID()];
    line.misbehave({ concerning: 'COMMIT', how: 'lose-answer' });
    await push([change], person, { 'Idempotency-Key': key });
    line.misbehave(undefined);
    const again = await push([change], person, { 'Idempotency-Key': key });
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again.body.results).toEqual([{ id: change.id, status: 'applied', seq: 2 }]);
  });

  test.each([
    ['never arrives', 'lose-request'],
    ['is answered by a broken gateway', { status: 502 }],
  ] as const)('hold nothing of a push whose commit %s', async (_, how) => {
    await push([entry()]);
    const change = entry();
    line.misbehave({ concerning: 'COMMIT', how });
    expect(await push([change])).toMatchObject({ status: 503, body: { code: 'vault.unavailable' } });
    line.misbehave(undefined);
    // The server holds the transaction that nobody ended for some seconds.
    await expect.poll(async () => (await push([change])).status, { timeout: 15_000 }).toBe(200);
    expect((await pull()).body.changes).toHaveLength(2);
  });

  test('that stall keep neither the service nor other vaults waiting, and serve again by themselves', async () => {
    const other = await registerPerson(server.url);
    await pull(other);
    await push([entry()]);
    line.misbehave({ concerning: await readVaultName(), how: 'hang' });
    const stalled = [pull(), pull(), push([entry()])];
    expect((await pull(other)).status).toBe(200);
    expect(await ready()).toBe(200);
    for (const answer of await Promise.all(stalled))
      expect(answer).toMatchObject({ status: 503, body: { code: 'vault.unavailable' } });
    line.misbehave(undefined);
    expect((await pull()).status).toBe(200);
  });

  test('whose server dies are back when it is', async () => {
    await push([entry()]);
    await sqld.kill();
    expect(await pull()).toMatchObject({ status: 503, body: { code: 'vault.unavailable' } });
    expect(await ready()).toBe(200);
    await sqld.start();
    expect((await pull()).body.changes).toHaveLength(1);
  });

  test('whose server stands still answer in time, and are back when it goes on', async () => {
    await push([entry()]);
    await sqld.stall();
    expect(await pull()).toMatchObject({ status: 503, body: { code: 'vault.unavailable' } });
    expect(await ready()).toBe(200);
    sqld.resume();
    await expect.poll(async () => (await pull()).status, { timeout: 15_000 }).toBe(200);
  });

  test('that are gone are missed, and not made anew', async () => {
    await push([entry()]);
    const name = await readVaultName();
    await fetch(`${sqld.adminUrl}/v1/namespaces/${name}`, {
      method: 'DELETE',
      headers: { authorization: 'basic an-admin-key' },
    });
    expect(await pull()).toMatchObject({ status: 503, body: { code: 'vault.missing' } });
    expect(await push([entry()])).toMatchObject({ status: 503, body: { code: 'vault.missing' } });
  });

  test('take what many devices push at once, one after the other', async () => {
    await Promise.all(Array.from({ length: 8 }, () => push([entry()])));
    const { changes } = (await pull()).body;
    expect(changes.map(({ seq }: { seq: number }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });
});
