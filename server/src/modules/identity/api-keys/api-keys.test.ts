import { routeScopes } from '@alcove/contract/access';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Answer,
  callApi,
  createTestClock,
  type Person,
  registerPerson,
  startTestServer,
  type TestServer,
} from '../../../testing/index.ts';
import { createKeyText, createPublicId } from './format.ts';

const clock = createTestClock();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterAll(() => server.close());

const callAs = (token: string, method: string, path: string, body?: unknown, headers = {}) =>
  callApi(server.url, method, path, body, { authorization: `Bearer ${token}`, ...headers });
const isAccepted = async (token: string) => (await callAs(token, 'GET', '/auth/clients')).status === 200;

async function createKey(person: Person, request: object = {}): Promise<Answer['body']> {
  const answer = await person.call('POST', '/auth/api-keys', {
    name: 'CI',
    scopes: ['identity:read'],
    ...request,
  });
  expect(answer.status).toBe(201);
  return answer.body;
}

async function createTokenOf(secret: string, request: object = {}): Promise<Answer['body']> {
  const answer = await callAs(secret, 'POST', '/auth/token', request);
  expect(answer.status).toBe(200);
  return answer.body;
}

const audited = async (person: Person): Promise<string[]> =>
  (await person.call('GET', '/audit/logs')).body.data.map(({ action }: { action: string }) => action);

test('a key is shown once, and listed without its secret ever after', async () => {
  const ada = await registerPerson(server.url);
  const key = await createKey(ada, { scopes: ['documents:write', 'documents:read'] });
  expect(key).toMatchObject({ name: 'CI', scopes: ['documents:read', 'documents:write'], expiresAt: null });
  expect(key.secret.startsWith(`${key.prefix}_`)).toBe(true);
  const { body } = await ada.call('GET', '/auth/api-keys');
  expect(body.data).toEqual([
    expect.objectContaining({ id: key.id, prefix: key.prefix, hint: key.secret.slice(-4), lastUsedAt: null }),
  ]);
  expect(JSON.stringify(body)).not.toContain(key.secret.slice(13, -4));
  expect(await audited(ada)).toContain('api_key.created');
});

test('a key acts for its workspace and for no other', async () => {
  const [ada, eve] = [await registerPerson(server.url), await registerPerson(server.url)];
  const { secret } = await createKey(ada);
  const { body } = await callAs(secret, 'GET', '/auth/clients');
  expect(body.data).toEqual([{ id: ada.workspace.id, name: 'Personal', role: 'admin' }]);
  for (const workspace of [eve.workspace.id, '00000000-0000-7000-8000-000000000000', 'nonsense']) {
    const answer = await callAs(secret, 'GET', '/auth/clients', undefined, { 'alcove-workspace': workspace });
    expect(answer).toMatchObject({ status: 404, body: { code: 'workspace.not_found' } });
  }
});

test.each([
  ['an unknown module', ['poetry:read']],
  ['an unknown right', ['documents:own']],
  ['no scope at all', []],
  ['one scope twice', ['llm:read', 'llm:read']],
  ['something else than a text', [5]],
])('a key with %s is refused', async (_, scopes) => {
  const ada = await registerPerson(server.url);
  const answer = await ada.call('POST', '/auth/api-keys', { name: 'x', scopes });
  expect(answer).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
});

test('a key without the scope of a route is told which one it lacks', async () => {
  const ada = await registerPerson(server.url);
  const { secret } = await createKey(ada, { scopes: ['documents:read', 'identity:write'] });
  const answer = await callAs(secret, 'GET', '/auth/clients');
  expect(answer).toMatchObject({ status: 403, body: { code: 'auth.scope_missing' } });
  expect(answer.body.detail).toContain('identity:read');
});

test.each<[string, (key: string) => string]>([
  ['with another checksum', (key) => key.slice(0, -1) + (key.endsWith('x') ? 'y' : 'x')],
  ['cut short', (key) => key.slice(0, -1)],
  ['with the secret of another', (key) => createKeyText(key.slice(4, 12))],
  ['that nobody made', () => createKeyText(createPublicId())],
  ['of another case', (key) => key.toUpperCase()],
])('a key %s is answered like every wrong key', async (_, change) => {
  const ada = await registerPerson(server.url);
  const { secret } = await createKey(ada);
  const answer = await callAs(change(secret), 'GET', '/auth/clients');
  expect(answer.status).toBe(401);
  expect(answer.body.code).toMatch(/^auth\.invalid_(?:key|token)$/);
  expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
  expect(await isAccepted(secret)).toBe(true);
});

test('a key ends when it said it would, and cannot be made with an end that has passed', async () => {
  const ada = await registerPerson(server.url);
  const expiresAt = new Date(clock.now() + 60_000).toISOString();
  const { secret } = await createKey(ada, { expiresAt });
  const { accessToken, expiresInSeconds } = await createTokenOf(secret);
  expect(expiresInSeconds).toBeLessThanOrEqual(60);
  expect(await isAccepted(secret)).toBe(true);
  clock.forward(61_000);
  expect([await isAccepted(secret), await isAccepted(accessToken)]).toEqual([false, false]);
  const late = await ada.call('POST', '/auth/api-keys', { name: 'x', scopes: ['*'], expiresAt });
  expect(late).toMatchObject({ status: 400, body: { code: 'api_key.expiry_past' } });
});

test('revoking a key ends it and its tokens with the next request', async () => {
  const ada = await registerPerson(server.url);
  const { id, secret } = await createKey(ada);
  const { accessToken } = await createTokenOf(secret);
  expect([await isAccepted(secret), await isAccepted(accessToken)]).toEqual([true, true]);
  expect((await ada.call('DELETE', `/auth/api-keys/${id}`)).status).toBe(204);
  expect((await callAs(secret, 'GET', '/auth/clients')).body.code).toBe('auth.invalid_key');
  expect((await callAs(accessToken, 'GET', '/auth/clients')).body.code).toBe('auth.key_revoked');
  expect((await ada.call('DELETE', `/auth/api-keys/${id}`)).body.code).toBe('api_key.not_found');
  expect((await ada.call('GET', '/auth/api-keys')).body.data).toEqual([]);
  expect(await audited(ada)).toContain('api_key.revoked');
});

test('rotating without overlap ends the old secret and its tokens at once', async () => {
  const ada = await registerPerson(server.url);
  const old = await createKey(ada);
  const { accessToken } = await createTokenOf(old.secret);
  const { status, body } = await ada.call('POST', `/auth/api-keys/${old.id}/rotate`, {});
  expect(status).toBe(201);
  expect(body).toMatchObject({ id: old.id, prefix: old.prefix, scopes: old.scopes });
  expect(await isAccepted(body.secret)).toBe(true);
  expect([await isAccepted(old.secret), await isAccepted(accessToken)]).toEqual([false, false]);
  expect(await audited(ada)).toContain('api_key.rotated');
});

test('rotating with overlap lets both secrets work, and ends the old one when it is over', async () => {
  const ada = await registerPerson(server.url);
  const old = await createKey(ada);
  const { accessToken } = await createTokenOf(old.secret);
  const { body } = await ada.call('POST', `/auth/api-keys/${old.id}/rotate`, { overlapSeconds: 600 });
  const tokens = [old.secret, accessToken, body.secret];
  expect(await Promise.all(tokens.map(isAccepted))).toEqual([true, true, true]);
  const [listed] = (await ada.call('GET', '/auth/api-keys')).body.data;
  expect(listed).toMatchObject({
    hint: body.secret.slice(-4),
    previousSecretExpiresAt: body.previousSecretExpiresAt,
  });
  clock.forward(601_000);
  expect(await Promise.all(tokens.map(isAccepted))).toEqual([false, false, true]);
});

test('of three secrets only the last two ever work', async () => {
  const ada = await registerPerson(server.url);
  const first = await createKey(ada);
  const rotate = async () =>
    (await ada.call('POST', `/auth/api-keys/${first.id}/rotate`, { overlapSeconds: 600 })).body.secret;
  const [second, third] = [await rotate(), await rotate()];
  expect(await Promise.all([first.secret, second, third].map(isAccepted))).toEqual([false, true, true]);
});

test("a workspace's keys are nothing to somebody else", async () => {
  const [ada, eve] = [await registerPerson(server.url), await registerPerson(server.url)];
  const { id, secret } = await createKey(ada);
  const never = '00000000-0000-7000-8000-000000000000';
  for (const [method, path] of [
    ['DELETE', ''],
    ['POST', '/rotate'],
  ] as const) {
    const body = method === 'POST' ? {} : undefined;
    const [foreign, absent] = [
      await eve.call(method, `/auth/api-keys/${id}${path}`, body),
      await eve.call(method, `/auth/api-keys/${never}${path}`, body),
    ];
    expect(foreign.status).toBe(404);
    expect({ ...foreign.body, requestId: '' }).toEqual({ ...absent.body, requestId: '' });
  }
  expect((await eve.call('GET', '/auth/api-keys')).body.data).toEqual([]);
  expect(await isAccepted(secret)).toBe(true);
});

test('when a key was last used is known to the minute', async () => {
  const ada = await registerPerson(server.url);
  const { secret } = await createKey(ada);
  await isAccepted(secret);
  await server.restart();
  const { body } = await callAs(ada.tokens.accessToken, 'GET', '/auth/api-keys');
  const [{ lastUsedAt }] = body.data;
  expect(lastUsedAt).toMatch(/:00\.000Z$/);
  expect(clock.now() - Date.parse(lastUsedAt)).toBeLessThan(120_000);
});

test('keys are listed page by page, each of them once', async () => {
  const ada = await registerPerson(server.url);
  const made = [await createKey(ada), await createKey(ada), await createKey(ada)].map(({ id }) => id);
  const first = (await ada.call('GET', '/auth/api-keys?limit=2')).body;
  const rest = (await ada.call('GET', `/auth/api-keys?limit=2&cursor=${first.nextCursor}`)).body;
  expect([...first.data, ...rest.data].map(({ id }) => id)).toEqual(made);
  expect(rest.nextCursor).toBeNull();
});

test('sending the request for a key twice makes one key', async () => {
  const ada = await registerPerson(server.url);
  const request = { name: 'CI', scopes: ['*'] };
  const send = () => ada.call('POST', '/auth/api-keys', request, { 'idempotency-key': 'key-1' });
  const [first, second] = [await send(), await send()];
  expect(second.body).toEqual(first.body);
  expect(second.headers.get('idempotency-replayed')).toBe('true');
  expect((await ada.call('GET', '/auth/api-keys')).body.data).toHaveLength(1);
});

test('a token has all scopes of its key, or those that were asked for, for as long as was asked for', async () => {
  const ada = await registerPerson(server.url);
  const { secret } = await createKey(ada, { scopes: ['identity:read', 'llm:write'] });
  expect(await createTokenOf(secret)).toMatchObject({
    tokenType: 'Bearer',
    expiresInSeconds: 3600,
    scopes: ['identity:read', 'llm:write'],
  });
  const narrow = await createTokenOf(secret, { scopes: ['llm:write'], ttlSeconds: 60 });
  expect(narrow).toMatchObject({ expiresInSeconds: 60, scopes: ['llm:write'] });
  expect((await callAs(narrow.accessToken, 'GET', '/auth/clients')).body.code).toBe('auth.scope_missing');
  const wide = await createTokenOf(secret, { scopes: ['identity:read'], ttlSeconds: 60 });
  expect(await isAccepted(wide.accessToken)).toBe(true);
  clock.forward(66_000);
  expect(await isAccepted(wide.accessToken)).toBe(false);
});

test.each([
  ['a scope that the key does not have', { scopes: ['billing:write'] }, 403, 'api_key.scope_not_held'],
  ['everything', { scopes: ['*'] }, 403, 'api_key.scope_not_held'],
  ['an unknown scope', { scopes: ['poetry:read'] }, 400, 'request.invalid'],
  ['too short a life', { ttlSeconds: 59 }, 400, 'request.invalid'],
  ['too long a life', { ttlSeconds: 3601 }, 400, 'request.invalid'],
])('a token with %s is refused', async (_, request, status, code) => {
  const ada = await registerPerson(server.url);
  const { secret } = await createKey(ada);
  expect(await callAs(secret, 'POST', '/auth/token', request)).toMatchObject({ status, body: { code } });
});

test('a token makes no token, so that it cannot lengthen its own life', async () => {
  const ada = await registerPerson(server.url);
  const { accessToken } = await createTokenOf((await createKey(ada)).secret);
  expect(await callAs(accessToken, 'POST', '/auth/token', {})).toMatchObject({
    status: 403,
    body: { code: 'auth.key_secret_required' },
  });
  expect(await ada.call('POST', '/auth/token', {})).toMatchObject({
    status: 403,
    body: { code: 'auth.key_required' },
  });
});

test('an account sees every workspace that it may act for', async () => {
  const ada = await registerPerson(server.url);
  expect((await ada.call('GET', '/auth/clients')).body).toEqual({
    data: [{ id: ada.workspace.id, name: 'Personal', role: 'owner' }],
    nextCursor: null,
  });
});

test('a key that may do everything may still not act as a person, on any route', async () => {
  const ada = await registerPerson(server.url);
  const { secret } = await createKey(ada, { scopes: ['*'] });
  const { accessToken } = await createTokenOf(secret);
  const { paths } = await (await fetch(`${server.url}/openapi.json`)).json();
  const personal = Object.entries<Record<string, { security?: Record<string, unknown>[] }>>(paths)
    .flatMap(([path, methods]) => Object.entries(methods).map(([method, about]) => ({ path, method, about })))
    .filter(({ about: { security } }) => security?.some((one) => 'account' in one))
    .filter(({ about: { security } }) => security?.every((one) => !('key' in one)));
  const routes = personal.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
  expect(routes).toEqual(
    expect.arrayContaining([
      'POST /api/v1/auth/api-keys',
      'DELETE /api/v1/auth/devices/{id}',
      'POST /api/v1/auth/pair-device',
      'POST /api/v1/auth/logout',
      'POST /api/v1/sync/push',
      'GET /api/v1/auth/me',
    ]),
  );
  for (const { method, path } of personal) {
    const filled = path
      .slice('/api/v1'.length)
      .replaceAll(/\{\w+\}/g, '00000000-0000-7000-8000-000000000000');
    for (const token of [secret, accessToken]) {
      const body = method === 'get' || method === 'delete' ? undefined : {};
      const answer = await callAs(token, method.toUpperCase(), filled, body);
      expect(answer, `${method} ${path}`).toMatchObject({
        status: 403,
        body: { code: 'auth.account_required' },
      });
    }
  }
});

test('every scope that a route asks for can be given to a key', async () => {
  const ada = await registerPerson(server.url);
  const { scopes } = await createKey(ada, { scopes: [...routeScopes] });
  expect(scopes).toHaveLength(routeScopes.length);
});
