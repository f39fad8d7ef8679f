/** Secrets and names are sown on a walk through the whole API; then every place is searched where none may come up. */
import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { deviceSignInText } from '@alcove/contract/keys';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../src/platform/telemetry/index.ts';
import {
  type Answer,
  callApi,
  codeIn,
  createTestDevice,
  openDatabase,
  startTestServer,
  type TestServer,
  waitForLetter,
} from '../src/testing/index.ts';

const word = () => randomBytes(9).toString('hex');

/** What may be kept, but is nobody's business: it has no place in logs, metrics and problems. */
const names = {
  email: `canary-${word()}@example.com`,
  otherEmail: `canary-${word()}@example.com`,
  displayName: `Canary ${word()}`,
  device: `Canary ${word()}`,
  workspace: `Canary ${word()}`,
  key: `Canary ${word()}`,
  userAgent: `Canary/${word()}`,
};
/** What must not be found anywhere but at whom it belongs to. */
const secrets = new Map<string, string>([
  ['the password', `canary ${word()} pass`],
  ['the second password', `canary ${word()} second`],
  ['a wrong password', `canary ${word()} wrong`],
  ['a provider key', `sk-canary-${word()}${word()}`],
  ['a forged token', `canary-${word()}${word()}`],
]);
const secretOf = (name: string): string => {
  const value = secrets.get(name);
  if (value === undefined) throw new Error(`nobody has sown ${name}`);
  return value;
};

const logLines: string[] = [];
const problems: string[] = [];
let metrics = '';
let server: TestServer;

/** Calls the API and keeps what it says about what went wrong. */
async function call(method: string, path: string, body?: unknown, token?: string, headers = {}) {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const agent = { 'user-agent': names.userAgent };
  const answer = await callApi(server.url, method, path, body, { ...agent, ...authorization, ...headers });
  if (answer.status >= 400) problems.push(JSON.stringify([answer.body, [...answer.headers]]));
  return answer;
}

async function succeed(...parts: Parameters<typeof call>): Promise<Answer['body']> {
  const answer = await call(...parts);
  if (answer.status >= 300) throw new Error(`${parts[0]} ${parts[1]}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

function sowTokens(of: string, { accessToken, refreshToken }: { accessToken: string; refreshToken: string }) {
  // Header and claims of an access token may be known; its signature is what makes it a secret.
  secrets.set(`the access token of ${of}`, accessToken.split('.')[2] ?? '');
  secrets.set(`the refresh token of ${of}`, refreshToken);
}

beforeAll(async () => {
  const log = createLogger({ level: 'trace', human: false, write: (line) => logLines.push(line) });
  server = await startTestServer({ log });
  const token = await walkAccount();
  await walkKeys(token);
  await walkKnownDevice();
  await walkWorkspace(token);
  await walkStrangers(token);
  metrics = await (await fetch(`${server.url}/metrics`)).text();
  await server.stop();
}, 120_000);

afterAll(() => server.close());

/** Answers an access token that still works. */
async function walkAccount(): Promise<string> {
  const [password, second] = [secretOf('the password'), secretOf('the second password')];
  const { email, displayName } = names;
  const device = { ...createTestDevice().input, name: names.device };
  const sign = { email, password, displayName, device };
  const idempotent = { 'idempotency-key': word() };
  const signedUp = await succeed('POST', '/auth/signup', sign, undefined, idempotent);
  await succeed('POST', '/auth/signup', sign, undefined, idempotent);
  sowTokens('sign-up', signedUp.tokens);
  secrets.set('the code of the mail address', codeIn(await waitForLetter(server, email, /Confirm/)));
  await succeed('POST', '/auth/email/verify', { token: secretOf('the code of the mail address') });

  for (const tried of [secretOf('a wrong password'), password.toUpperCase()])
    await call('POST', '/auth/login', { email, password: tried });
  const signedIn = await succeed('POST', '/auth/login', { email, password });
  sowTokens('sign-in', signedIn.tokens);
  const refreshed = await succeed('POST', '/auth/refresh', { refreshToken: signedIn.tokens.refreshToken });
  sowTokens('refreshing', refreshed.tokens);

  await call('POST', '/auth/password/forgot', { email });
  secrets.set('the code of a reset', codeIn(await waitForLetter(server, email, /Choose a new password/)));
  const reset = { token: secretOf('the code of a reset'), password: second };
  await call('POST', '/auth/password/reset', { ...reset, password: 'short' });
  await succeed('POST', '/auth/password/reset', reset);
  await call('POST', '/auth/password/reset', reset);
  const again = await succeed('POST', '/auth/login', { email, password: second });
  sowTokens('the second sign-in', again.tokens);
  return again.tokens.accessToken;
}

async function walkKeys(token: string): Promise<void> {
  const request = { name: names.key, scopes: ['*'], signing: { algorithm: 'hmac-sha256' } };
  const idempotent = { 'idempotency-key': word() };
  const signing = await succeed('POST', '/auth/api-keys', request, token, idempotent);
  await succeed('POST', '/auth/api-keys', request, token, idempotent);
  secrets.set('the secret of a signing key', signing.secret);
  secrets.set('the shared secret that it signs with', signing.signingSecret);
  await call('GET', '/auth/clients', undefined, signing.secret);

  const key = await succeed('POST', '/auth/api-keys', { name: names.key, scopes: ['*'] }, token);
  secrets.set('the secret of an API key', key.secret);
  const made = await succeed('POST', '/auth/token', { ttlSeconds: 60 }, key.secret);
  secrets.set('a token that a key made', made.accessToken.split('.')[2]);
  await call('GET', '/auth/clients', undefined, `${key.secret.slice(0, -7)}AAAAAAA`);
  const rotated = await succeed('POST', `/auth/api-keys/${key.id}/rotate`, {}, token);
  secrets.set('the next secret of an API key', rotated.secret);
  await call('GET', '/auth/clients', undefined, key.secret);
  await succeed('GET', '/auth/clients', undefined, rotated.secret);

  const apiKey = secretOf('a provider key');
  await succeed('PATCH', '/auth/providers/llm', { provider: 'openai', apiKey }, token);
  await call('PATCH', '/auth/providers/llm', { provider: apiKey, apiKey }, token);
}

async function walkKnownDevice(): Promise<void> {
  const keys = createTestDevice();
  const { device } = await succeed('POST', '/auth/register', {
    device: { ...keys.input, name: names.device },
  });
  const prove = async () => {
    const { challenge } = await succeed('POST', '/auth/challenges', { deviceId: device.id });
    return { deviceId: device.id, challenge, signature: keys.sign(deviceSignInText(device.id, challenge)) };
  };
  const proof = await prove();
  secrets.set('a challenge', proof.challenge);
  secrets.set('the signature over a challenge', proof.signature);
  const idempotent = { 'idempotency-key': word() };
  const signedIn = await succeed('POST', '/auth/device-login', proof, undefined, idempotent);
  sowTokens('a known device', signedIn.tokens);
  await call('POST', '/auth/device-login', proof);
  await call('POST', '/auth/device-login', { ...proof, signature: `${proof.signature}!` });

  const next = await prove();
  const memberId = device.id;
  const recovery = { device: keys.input, memberId, challenge: next.challenge, signature: next.signature };
  secrets.set('a challenge of a recovery', next.challenge);
  secrets.set('the signature of a recovery', next.signature);
  await call('POST', '/auth/recover', recovery);
  await call('POST', '/auth/recover', { ...recovery, memberId: next.signature });
}

async function walkWorkspace(token: string): Promise<void> {
  const { id } = await succeed('POST', '/workspaces', { name: names.workspace }, token);
  const invitation = { email: names.otherEmail, role: 'member' };
  const invited = await succeed('POST', `/workspaces/${id}/invitations`, invitation, token);
  secrets.set('the token of an invitation', invited.token);
  await call('POST', '/workspaces/invitations/accept', { token: invited.token }, token);
  const guest = await succeed('POST', '/auth/guest', {});
  sowTokens('a guest', guest.tokens);
  await succeed('POST', '/workspaces/invitations/accept', { token: invited.token }, guest.tokens.accessToken);
}

/** Secrets where they do not belong, and names that a database chokes on. */
async function walkStrangers(token: string): Promise<void> {
  const forged = secretOf('a forged token');
  const password = secretOf('the second password');
  for (const path of [`/auth/${forged}`, `/auth/devices/${forged}`, `/auth/me?token=${forged}`])
    for (const method of ['GET', 'POST']) await call(method, path, undefined, forged);
  await call('GET', '/auth/me', undefined, forged, {
    'alcove-workspace': forged,
    'x-request-id': `${forged} x`,
  });
  await call('POST', '/auth/login', `{"email":"${names.email}","password":"${password}"`);
  await call('POST', '/auth/login', { email: names.email, password: [password] });
  await call('POST', '/auth/login', { email: names.email, password }, undefined, {
    'content-type': 'text/plain',
  });
  await call('POST', '/auth/login', { email: names.email, password: password.repeat(200) });
  await call('POST', '/auth/refresh', { refreshToken: forged });
  for (const end of ['\0', '\ud800', '\u202e'])
    await call('POST', '/workspaces', { name: `${names.workspace}${end}` }, token);
  await call('PATCH', '/auth/me', { displayName: `${names.displayName}\0` }, token);
}

const secretList = () => [...secrets];
const nameList = () => Object.entries(names).map(([name, value]) => [name, value] as const);

/** What of these comes up in a text, also when it is written in hexadecimal as PostgreSQL writes bytes. */
function findIn(text: string, canaries: readonly (readonly [string, string])[]): string[] {
  return canaries
    .filter(([, value]) => text.includes(value) || text.includes(Buffer.from(value).toString('hex')))
    .map(([name]) => name);
}

test('the walk sowed what it should, and met refusals of every kind', () => {
  expect(secrets.size).toBeGreaterThan(18);
  for (const [name, value] of secrets) expect(value.length, name).toBeGreaterThan(15);
  const codes = new Set(problems.map((problem) => /"code":"([^"]+)"/.exec(problem)?.[1]));
  for (const code of [
    'auth.invalid_credentials',
    'request.invalid',
    'request.malformed_json',
    'request.not_found',
  ])
    expect(codes).toContain(code);
  expect(logLines.length).toBeGreaterThan(40);
  expect(problems.filter((problem) => problem.includes('internal.error'))).toEqual([]);
});

test('no line of the log holds a secret or a name', () => {
  expect(findIn(logLines.join('\n'), [...secretList(), ...nameList()])).toEqual([]);
});

test('no problem tells a secret or a name', () => {
  expect(findIn(problems.join('\n'), [...secretList(), ...nameList()])).toEqual([]);
});

test('no metric holds a secret or a name', () => {
  expect(metrics).toContain('alcove_http_request_seconds');
  expect(findIn(metrics, [...secretList(), ...nameList()])).toEqual([]);
});

test('no row of any table holds a secret in the clear', async () => {
  const found = await withRows((table, text) =>
    findIn(text, secretList()).map((name) => `${table}: ${name}`),
  );
  expect(found).toEqual([]);
});

test('the search through the rows would find one', async () => {
  const found = await withRows((table, text) => (text.includes(names.workspace) ? [table] : []));
  expect(found).toContain('workspace');
});

test('no file of the data folder holds a secret, but for the letters of a service without a mail server', async () => {
  const found: string[] = [];
  for (const file of await filesBelow(server.dataDir)) {
    const path = relative(server.dataDir, file);
    if (path.startsWith('mails/')) continue;
    const text = (await readFile(file)).toString('latin1');
    found.push(...findIn(text, secretList()).map((name) => `${path}: ${name}`));
  }
  expect(found).toEqual([]);
});

async function withRows(look: (table: string, text: string) => string[]): Promise<string[]> {
  const database = await openDatabase(server);
  try {
    return await database.asOwner(async (tx) => {
      const tables = await sql<{ schema: string; name: string }>`
        select schemaname as schema, tablename as name from pg_tables
        where schemaname not in ('pg_catalog', 'information_schema')`.execute(tx);
      const found: string[] = [];
      for (const { schema, name } of tables.rows) {
        const rows = await sql<{ text: string }>`
          select t::text as text from ${sql.table(`${schema}.${name}`)} t`.execute(tx);
        found.push(...look(name, rows.rows.map(({ text }) => text).join('\n')));
      }
      return found;
    });
  } finally {
    await database[Symbol.asyncDispose]();
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}
