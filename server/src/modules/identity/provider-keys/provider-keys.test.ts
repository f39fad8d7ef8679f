import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { inTransaction, type MemberActor, systemCtx } from '../../../context.ts';
import { systemClock } from '../../../platform/clock/index.ts';
import { createEnvelope, DecryptionError, loadMasterKeys } from '../../../platform/crypto/index.ts';
import { createDatabase } from '../../../platform/database/index.ts';
import { createIds } from '../../../platform/ids/index.ts';
import { createLogger } from '../../../platform/telemetry/index.ts';
import {
  callApi,
  type Person,
  registerPerson,
  startTestServer,
  type TestServer,
} from '../../../testing/index.ts';
import { createAudit } from '../../audit/index.ts';
import { createProviderKeys } from './provider-keys.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const apiKey = 'sk-proj-canary-4f1b9d-the-secret-part-WXYZ';
const setKey = (person: Person, change: object = {}, kind = 'llm', headers = {}) =>
  person.call('PATCH', `/auth/providers/${kind}`, { provider: 'openai', apiKey, ...change }, headers);

async function keyOf(person: Person, scopes: string[]): Promise<string> {
  const { body } = await person.call('POST', '/auth/api-keys', { name: 'x', scopes });
  return `Bearer ${body.secret}`;
}

test('a key goes in, and only a hint of it comes out', async () => {
  const ada = await registerPerson(server.url);
  const set = await setKey(ada, { settings: { project: 'p-1' } });
  expect(set.status).toBe(200);
  expect(set.body).toMatchObject({
    kind: 'llm',
    provider: 'openai',
    hint: 'WXYZ',
    settings: { project: 'p-1' },
  });
  const listed = await ada.call('GET', '/auth/providers');
  expect(listed.body.data).toEqual([set.body]);
  const audited = await ada.call('GET', '/audit/logs?action=provider_key.set');
  expect(audited.body.data).toHaveLength(1);
  for (const { body } of [set, listed, audited]) expect(JSON.stringify(body)).not.toContain('canary');
});

test('setting a key again replaces it, and one service may have a key for each of its uses', async () => {
  const ada = await registerPerson(server.url);
  await setKey(ada);
  const again = await setKey(ada, { apiKey: 'sk-proj-another-key-1234' });
  const spoken = await setKey(ada, {}, 'tts');
  const { data } = (await ada.call('GET', '/auth/providers')).body;
  expect(data).toEqual([again.body, spoken.body]);
  expect(data.map(({ hint }: { hint: string }) => hint)).toEqual(['1234', 'WXYZ']);
});

test('ten parallel calls for one service leave one key', async () => {
  const ada = await registerPerson(server.url);
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, at) => setKey(ada, { apiKey: `sk-proj-parallel-000${at}` })),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
  expect((await ada.call('GET', '/auth/providers')).body.data).toHaveLength(1);
});

test('a removed key is gone, and cannot be removed twice', async () => {
  const ada = await registerPerson(server.url);
  await setKey(ada);
  expect((await ada.call('DELETE', '/auth/providers/llm/openai')).status).toBe(204);
  expect((await ada.call('GET', '/auth/providers')).body.data).toEqual([]);
  expect((await ada.call('DELETE', '/auth/providers/llm/openai')).body.code).toBe('provider.not_found');
});

test.each([
  ['an unknown service', { provider: 'clippy' }, 'llm', 'request.invalid'],
  ['a service that does not write', { provider: 'elevenlabs' }, 'llm', 'request.invalid'],
  ['a service that does not speak', { provider: 'anthropic' }, 'tts', 'request.invalid'],
  ['too short a key', { apiKey: 'sk-1' }, 'llm', 'request.invalid'],
  ['a key with a line break', { apiKey: `${apiKey}\r\nX-Evil: 1` }, 'llm', 'request.invalid'],
  ['a setting that nobody knows', { settings: { token: 'x' } }, 'llm', 'request.invalid'],
  [
    'an address with a password in it',
    { settings: { baseUrl: 'https://me:pw@host/' } },
    'llm',
    'request.invalid',
  ],
  ['an address of another scheme', { settings: { baseUrl: 'file:///etc/passwd' } }, 'llm', 'request.invalid'],
  [
    'a compatible service without address',
    { provider: 'openai-compatible' },
    'llm',
    'provider.base_url_required',
  ],
])('%s is refused, and the answer does not repeat the key', async (_, change, kind, code) => {
  const ada = await registerPerson(server.url);
  const answer = await setKey(ada, change, kind);
  expect(answer).toMatchObject({ status: 400, body: { code } });
  expect(JSON.stringify(answer.body)).not.toContain('canary');
  expect((await ada.call('GET', '/auth/providers')).body.data).toEqual([]);
});

test('an API key needs the scope, for reading and for writing', async () => {
  const ada = await registerPerson(server.url);
  const [reader, writer] = [await keyOf(ada, ['identity:read']), await keyOf(ada, ['identity:write'])];
  const attempt = async (authorization: string) => [
    (await setKey(ada, {}, 'llm', { authorization })).status,
    (await callApi(server.url, 'GET', '/auth/providers', undefined, { authorization })).status,
  ];
  expect(await attempt(reader)).toEqual([403, 200]);
  expect(await attempt(writer)).toEqual([200, 403]);
});

test("another workspace's keys are nothing to somebody else", async () => {
  const [ada, eve] = [await registerPerson(server.url), await registerPerson(server.url)];
  await setKey(ada);
  expect((await eve.call('GET', '/auth/providers')).body.data).toEqual([]);
  expect((await eve.call('DELETE', '/auth/providers/llm/openai')).status).toBe(404);
  const headers = { 'alcove-workspace': ada.workspace.id };
  expect((await setKey(eve, {}, 'llm', headers)).body.code).toBe('workspace.not_found');
  expect((await ada.call('GET', '/auth/providers')).body.data).toHaveLength(1);
});

test('a key opens for the workspace and the row that it was sealed for, and nowhere else', async () => {
  const own = await startTestServer();
  onTestFinished(() => own.close());
  const [ada, eve] = [await registerPerson(own.url), await registerPerson(own.url)];
  await setKey(ada);
  await setKey(ada, { apiKey: 'sk-proj-spoken-5678' }, 'tts');
  await setKey(eve, { apiKey: 'sk-proj-of-eve-9999' });
  await own.stop();
  await using database = await createDatabase({
    url: own.databaseUrl,
    directory: join(own.dataDir, 'control'),
    onError: () => {},
  });
  const [clock, log] = [systemClock, createLogger({ level: 'silent' })];
  const ids = createIds(clock);
  const envelope = createEnvelope(await loadMasterKeys({ setting: undefined, dataDir: own.dataDir }, true));
  const keys = createProviderKeys({ clock, ids, envelope, audit: createAudit({ clock, ids }) });
  const base = systemCtx({ log, database, signal: new AbortController().signal, id: 'test' });
  const as = ({ account, workspace }: Person) => ({
    ...base,
    actor: {
      kind: 'account',
      accountId: account.id,
      sessionId: account.id,
      deviceId: undefined,
      tokenExpiresAtMs: 0,
      workspaceId: workspace.id,
      role: 'owner',
    } satisfies MemberActor,
  });

  expect((await keys.reveal(as(ada), 'llm', 'openai'))?.apiKey.reveal()).toBe(apiKey);
  expect(await keys.reveal(as(ada), 'llm', 'anthropic')).toBeUndefined();
  expect(await inTransaction(as(eve), (tx) => sql`select from provider_key`.execute(tx.tx))).toMatchObject({
    rows: [{}],
  });

  const copyTo = (person: Person, kind: string) =>
    database.asOwner((tx) =>
      sql`update provider_key set key_sealed = (select key_sealed from provider_key
          where workspace_id = ${ada.workspace.id} and kind = 'llm')
        where workspace_id = ${person.workspace.id} and kind = ${kind}`.execute(tx),
    );
  await copyTo(ada, 'tts');
  await expect(keys.reveal(as(ada), 'tts', 'openai')).rejects.toThrow(DecryptionError);
  await copyTo(eve, 'llm');
  await expect(keys.reveal(as(eve), 'llm', 'openai')).rejects.toThrow(DecryptionError);
  const seen = await database.asOwner((tx) =>
    sql<{ row: string }>`select provider_key::text as row from provider_key`.execute(tx),
  );
  for (const { row } of seen.rows) {
    expect(row).not.toContain('canary');
    expect(row).not.toContain(Buffer.from('canary').toString('hex'));
  }
});
