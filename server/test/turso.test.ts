/** Vaults at Turso: how databases are made, opened and removed there, and what becomes of it when the platform fails. */
import { randomUUID } from 'node:crypto';
import { accountDeletionText } from '@alcove/contract/account';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '../src/platform/telemetry/index.ts';
import { startTursoDouble, type TursoDouble } from '../src/testing/doubles/turso.ts';
import {
  createTestClock,
  type Person,
  registerPerson,
  startTestServer,
  type TestServer,
} from '../src/testing/index.ts';
import { sqldIsAvailable, startTestSqld, type TestSqld } from '../src/testing/sqld.ts';

const clock = createTestClock();
const warnings: string[] = [];
const log = createLogger({
  level: 'warn',
  human: false,
  write: (line) => void warnings.push(JSON.parse(line).msg),
});

describe.skipIf(!sqldIsAvailable)('vaults at Turso', () => {
  let sqld: TestSqld;
  let turso: TursoDouble;
  let server: TestServer;
  let person: Person;

  beforeAll(async () => {
    sqld = await startTestSqld();
    turso = await startTursoDouble(sqld);
    server = await startTestServer({
      clock,
      log,
      env: {
        TURSO_API_TOKEN: 'a-platform-token',
        TURSO_ORGANIZATION: 'acme',
        TURSO_API_URL: turso.url,
        VAULT_TIMEOUT_SECONDS: '2',
      },
    });
  });
  afterAll(async () => {
    await server.close();
    await turso[Symbol.asyncDispose]();
    await sqld[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    turso.misbehave(undefined);
    person = await registerPerson(server.url);
  });

  function push(counter: number) {
    const change = { id: randomUUID(), kind: 'entry', op: 'put', clock: { [person.device.id]: counter } };
    const rest = { time: '2026-11-20T07:00:00.000Z-0000', epoch: 1, payload: 'YQ' };
    return person.call('POST', '/sync/push', { changes: [{ ...change, ...rest }] });
  }

  test('are databases of their own, under names that say nothing, each with one token', async () => {
    const [before, minted] = [turso.databases.length, turso.tokensMinted];
    expect((await push(1)).status).toBe(200);
    expect((await push(2)).status).toBe(200);
    expect(turso.databases).toHaveLength(before + 1);
    expect(turso.databases.at(-1)).toMatch(/^[0-9a-f]{32}$/);
    expect(turso.tokensMinted).toBe(minted + 1);
  });

  test('are opened with a new token when the old one has expired', async () => {
    await push(1);
    turso.expireTokens();
    expect((await push(2)).status).toBe(200);
  });

  test('may answer only some seconds after they were made', async () => {
    turso.misbehave('slow-birth');
    expect((await push(1)).status).toBe(200);
  });

  test.each(['exists-as-400', undefined] as const)(
    'are not made twice when the answer to the first attempt was lost: %s',
    async (afterwards) => {
      const before = turso.databases.length;
      turso.misbehave('lose-create');
      expect(await push(1)).toMatchObject({ status: 503, body: { code: 'vault.unavailable' } });
      turso.misbehave(afterwards);
      expect((await push(1)).status).toBe(200);
      expect(turso.databases).toHaveLength(before + 1);
    },
  );

  test('go with their account, and when the platform is down they go as soon as it is not', async () => {
    await push(1);
    const database = turso.databases.at(-1);
    turso.misbehave('unpaid');
    const { body } = await person.call('POST', '/auth/me/challenge');
    const signature = person.keys.sign(accountDeletionText(body.challenge));
    const left = await person.call('DELETE', '/auth/me', { challenge: body.challenge, signature });
    expect(left.status).toBe(202);
    const failed = () => warnings.includes('something is still to be removed');
    await expect.poll(failed).toBe(true);
    turso.misbehave(undefined);
    expect(turso.databases).toContain(database);
    // Another run may have been at it as well, and have failed later: then it is due later, too.
    const databasesLater = async () => {
      clock.forward(60_001);
      await server.runJob('identity.retry-removals');
      return turso.databases;
    };
    await expect.poll(databasesLater).not.toContain(database);
  });

  test('that are known go on while the platform refuses to make new ones', async () => {
    await push(1);
    turso.misbehave('unpaid');
    expect((await push(2)).status).toBe(200);
    person = await registerPerson(server.url);
    expect(await push(1)).toMatchObject({ status: 503, body: { code: 'vault.unavailable' } });
  });
});
