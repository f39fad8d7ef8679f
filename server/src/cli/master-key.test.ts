import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';
import { sealedColumns } from '../app.ts';
import { createEnvelope, loadMasterKeys } from '../platform/crypto/index.ts';
import { createDatabase, type Transaction } from '../platform/database/index.ts';
import { startKmsDouble } from '../testing/doubles/aws-kms.ts';
import { callApi, type Person, registerPerson, startTestServer, type TestServer } from '../testing/index.ts';
import { alcoveBin } from '../testing/process.ts';
import { printMasterKey, rotateMasterKey, showMasterKeys } from './master-key-actions.ts';

const envOf = ({ dataDir, databaseUrl }: TestServer) => ({
  ALCOVE_DATA_DIR: dataDir,
  ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
});

async function startServer(env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startTestServer({ env });
  onTestFinished(() => server.close());
  return server;
}

const openDatabase = ({ databaseUrl, dataDir }: TestServer) =>
  createDatabase({ url: databaseUrl, directory: join(dataDir, 'control'), onError: () => {} });

const keyFile = ({ dataDir }: TestServer) => readFileSync(join(dataDir, 'master.key'), 'utf8').trim();

async function linesOf(action: (report: (line: string) => void) => Promise<void>): Promise<string[]> {
  const lines: string[] = [];
  await action((line) => lines.push(line));
  return lines;
}

const rotate = (server: TestServer, more: { env?: Record<string, string>; onBatch?: () => void } = {}) =>
  linesOf((report) =>
    rotateMasterKey({
      report,
      env: { ...envOf(server), ...more.env },
      ...(more.onBatch === undefined ? {} : { onBatch: more.onBatch }),
    }),
  );

/** Somebody of whom every encrypted column holds something, except the queue, which is worked off too fast. */
async function personWithSecrets(server: TestServer): Promise<Person> {
  const ada = await registerPerson(server.url);
  const keyed = { 'idempotency-key': 'set-it' };
  const providerKey = { provider: 'openai', apiKey: 'sk-proj-a-secret-of-ada' };
  expect((await ada.call('PATCH', '/auth/providers/llm', providerKey, keyed)).status).toBe(200);
  const signed = { name: 'x', scopes: ['*'], signing: { algorithm: 'hmac-sha256' } };
  expect((await ada.call('POST', '/auth/api-keys', signed)).status).toBe(201);
  return ada;
}

/** Everything that was encrypted is still read: a token verifies, an answer is replayed, tokens are renewed. */
async function expectReadable(server: TestServer, ada: Person): Promise<void> {
  const call = (method: string, path: string, body?: unknown, headers = {}) =>
    callApi(server.url, method, path, body, {
      authorization: `Bearer ${ada.tokens.accessToken}`,
      ...headers,
    });
  expect((await call('GET', '/auth/me')).status).toBe(200);
  const providerKey = { provider: 'openai', apiKey: 'sk-proj-a-secret-of-ada' };
  const replayed = await call('PATCH', '/auth/providers/llm', providerKey, { 'idempotency-key': 'set-it' });
  expect(replayed.status).toBe(200);
  expect(replayed.headers.get('idempotency-replayed')).toBe('true');
}

async function keysInUse(server: TestServer): Promise<Map<string, Set<string>>> {
  const lines = await linesOf((report) => showMasterKeys(report, envOf(server)));
  const found = new Map<string, Set<string>>();
  for (const line of lines) {
    const [, column = '', key = ''] = /^(\S+) {2}\d+ under (\w+)$/.exec(line) ?? [];
    if (column !== '') found.set(column, new Set([...(found.get(column) ?? []), key]));
  }
  return found;
}

test('rotating wraps everything by a new key, drops the old one, and nothing is lost', async () => {
  const server = await startServer();
  const ada = await personWithSecrets(server);
  await server.stop();
  const before = keyFile(server);
  const lines = await rotate(server);
  expect(lines.at(-1)).toMatch(/^Done\. The key is now [0-9a-f]{16}/);
  const after = keyFile(server);
  expect(after).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(after).not.toBe(before);
  expect(statSync(join(server.dataDir, 'master.key')).mode & 0o777).toBe(0o600);
  const inUse = await keysInUse(server);
  expect([...inUse.keys()]).toEqual(
    expect.arrayContaining([
      'signing_key.private_key_sealed',
      'api_key.signing_secret',
      'provider_key.key_sealed',
      'idempotent_request.answer',
    ]),
  );
  expect(new Set([...inUse.values()].flatMap((keys) => [...keys])).size).toBe(1);
  await server.restart();
  await expectReadable(server, ada);
});

test('a rotation that is cut off anywhere leaves everything readable, and goes on when it is run again', async () => {
  const server = await startServer();
  const ada = await personWithSecrets(server);
  await server.stop();
  let cuts = 0;
  for (;;) {
    let batches = 0;
    const cut = () => {
      batches += 1;
      // Each run gets one batch further than the one before.
      if (batches > 1 || cuts === 0) throw new Error('cut off');
    };
    const done = await rotate(server, { onBatch: cut }).then(
      () => true,
      (error: unknown) => {
        expect(String(error)).toContain('cut off');
        return false;
      },
    );
    if (done) break;
    cuts += 1;
    expect(keyFile(server).split('\n')).toHaveLength(2);
    await server.restart();
    await expectReadable(server, ada);
    await server.stop();
  }
  expect(cuts).toBeGreaterThan(1);
  expect(keyFile(server).split('\n')).toHaveLength(1);
  await server.restart();
  await expectReadable(server, ada);
});

test('a refresh token whose answer was lost before a rotation is still answered after it', async () => {
  const server = await startServer();
  const ada = await registerPerson(server.url);
  const { refreshToken } = ada.tokens;
  const refresh = () => callApi(server.url, 'POST', '/auth/refresh', { refreshToken });
  expect((await refresh()).status).toBe(200);
  await server.stop();
  await rotate(server);
  await server.restart();
  const { status, body } = await refresh();
  expect(status).toBe(200);
  const again = await callApi(server.url, 'POST', '/auth/refresh', body.tokens);
  expect(again.status).toBe(400);
  const next = await callApi(server.url, 'POST', '/auth/refresh', { refreshToken: body.tokens.refreshToken });
  expect(next.status).toBe(200);
});

test('while the service runs on its key file, a rotation is refused', async () => {
  const server = await startServer();
  const before = keyFile(server);
  await expect(rotate(server)).rejects.toThrow('already uses');
  expect(keyFile(server)).toBe(before);
});

test('with keys from the settings, both are held until the new one wraps everything', async () => {
  const server = await startServer();
  const old = keyFile(server);
  const [fresh] = await linesOf((report) => printMasterKey(report, {}));
  await server.restart({ ALCOVE_MASTER_KEY: old });
  const ada = await personWithSecrets(server);
  await server.stop();
  await expect(rotate(server, { env: { ALCOVE_MASTER_KEY: old } })).rejects.toThrow('nothing to rotate to');
  const both = { ALCOVE_MASTER_KEY: `${fresh},${old}` };
  expect((await rotate(server, { env: both })).at(-1)).toContain('Leave only the first key');
  await server.restart({ ALCOVE_MASTER_KEY: `${fresh}` });
  await expectReadable(server, ada);
});

test('with AWS KMS, the new key lies wrapped in the file, and opens only where KMS answers', async () => {
  const keyArn = 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
  await using kms = await startKmsDouble(keyArn);
  const env = {
    AWS_KMS_KEY_ID: keyArn,
    AWS_KMS_BASE_URL: kms.url,
    AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  };
  const server = await startServer();
  const ada = await personWithSecrets(server);
  await server.stop();
  await rotate(server, { env });
  expect(keyFile(server)).toMatch(/^aws-kms:[A-Za-z0-9_-]+$/);
  await expect(server.restart()).rejects.toThrow('wrapped by aws-kms, and that is not set up here');
  await server.restart(env);
  await expectReadable(server, ada);
  expect(kms.asked).toEqual(['Encrypt', 'Decrypt', 'Decrypt']);
});

test('a letter that waits in the queue is wrapped again too', async () => {
  const server = await startServer();
  await server.stop();
  const read = () => loadMasterKeys({ setting: undefined, dataDir: server.dataDir }, true);
  const place = ['mail', 'one'];
  const letter = createEnvelope(await read()).encrypt(Buffer.from('your code is 123456'), place);
  const data = JSON.stringify({ id: 'one', sealed: letter.toString('base64url') });
  const inDatabase = async <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => {
    await using database = await openDatabase(server);
    return await database.asOwner(work);
  };
  await inDatabase((tx) =>
    sql`insert into jobs.job (name, data, start_after)
      values ('mail.send', ${data}::text::jsonb, now() + interval '1 day')`.execute(tx),
  );
  expect(await rotate(server)).toContain('jobs.job.data  1 wrapped again');
  const { rows } = await inDatabase((tx) =>
    sql<{ data: { id: string; sealed: string } }>`select data from jobs.job
      where name = 'mail.send'`.execute(tx),
  );
  const kept = rows[0]?.data;
  expect(kept?.id).toBe('one');
  const opened = createEnvelope(await read()).decrypt(Buffer.from(kept?.sealed ?? '', 'base64url'), place);
  expect(opened.toString()).toBe('your code is 123456');
});

test('every column of bytes is known to hold ciphertexts, or to hold none', async () => {
  const server = await startServer();
  await server.stop();
  await using database = await openDatabase(server);
  const { rows } = await database.asOwner((tx) =>
    sql<{ name: string }>`select table_name || '.' || column_name as name from information_schema.columns
      where table_schema = 'public' and data_type = 'bytea' order by 1`.execute(tx),
  );
  const sealed = sealedColumns.map(({ table, column }) => `${table}.${column}`);
  const others = rows.map(({ name }) => name).filter((name) => !sealed.includes(name));
  // Hashes are no ciphertexts. Whatever else comes here has to be added to the sealed columns of its module.
  expect(others.filter((name) => !/(?:^|[._])(?:hash|fingerprint)$/.test(name))).toEqual([]);
});

test('the command line makes keys, and says what it does', () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [alcoveBin, 'master-key', ...args], {
      cwd: '/',
      encoding: 'utf8',
      env: { PATH: process.env.PATH, ALCOVE_DATA_DIR: '/nowhere' },
    });
  expect(run('create')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^[A-Za-z0-9_-]{43}\n$/) });
  expect(run('destroy').status).toBe(2);
  expect(run('--help').stdout).toContain('rotate');
});
