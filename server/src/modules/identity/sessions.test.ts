import { refreshProofText } from '@alcove/contract/keys';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  callApi,
  createTestClock,
  createTestDevice,
  type Person,
  registerPerson,
  startTestServer,
  type TestServer,
} from '../../testing/index.ts';

const clock = createTestClock();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterAll(() => server.close());

const refresh = (refreshToken: string, deviceSignature?: string) =>
  callApi(server.url, 'POST', '/auth/refresh', {
    refreshToken,
    ...(deviceSignature === undefined ? {} : { deviceSignature }),
  });
const me = (accessToken: string) =>
  callApi(server.url, 'GET', '/auth/me', undefined, { authorization: `Bearer ${accessToken}` });
const proofOf = (person: Person, token: string) => person.keys.sign(refreshProofText(token));

test('registering makes an anonymous account with a device, a personal workspace and tokens that work', async () => {
  const ada = await registerPerson(server.url);
  expect(ada.account).toMatchObject({ kind: 'anonymous', email: null, displayName: null });
  expect(ada.device).toMatchObject({ name: 'Laptop', platform: 'cli', current: true, endorsedBy: null });
  expect(ada.tokens).toMatchObject({ tokenType: 'Bearer', expiresInSeconds: 3600 });
  const answer = await ada.call('GET', '/auth/me');
  expect(answer.body).toMatchObject({
    account: ada.account,
    device: { id: ada.device.id },
    session: { current: true },
    workspaces: [{ id: ada.workspace.id, role: 'owner' }],
  });
});

test('anybody can check an access token with the published keys', async () => {
  const ada = await registerPerson(server.url);
  const keys = createRemoteJWKSet(new URL(`${server.url}/.well-known/jwks.json`));
  const { payload, protectedHeader } = await jwtVerify(ada.tokens.accessToken, keys, {
    issuer: 'http://alcove.test',
    audience: 'alcove',
    currentDate: new Date(clock.now()),
  });
  expect(protectedHeader).toMatchObject({ alg: 'EdDSA', typ: 'at+jwt' });
  expect(payload).toMatchObject({ sub: ada.account.id, did: ada.device.id, wid: ada.workspace.id });
});

test.each([
  ['no token', undefined],
  ['a word', 'Bearer nonsense'],
  ['another scheme', 'Basic YTpi'],
  ['a token without signature', `Bearer ${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`],
])('%s is answered with 401 and a challenge', async (_name, authorization) => {
  const answer = await callApi(
    server.url,
    'GET',
    '/auth/me',
    undefined,
    authorization ? { authorization } : {},
  );
  expect(answer.status).toBe(401);
  expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer/);
  expect(answer.body.code).toMatch(/^auth\./);
});

test('an access token ends after an hour, and refreshing gives one that works', async () => {
  const ada = await registerPerson(server.url);
  clock.forward(3_700_000);
  expect(await me(ada.tokens.accessToken)).toMatchObject({
    status: 401,
    body: { code: 'auth.invalid_token' },
  });
  const { status, body } = await refresh(ada.tokens.refreshToken);
  expect(status).toBe(200);
  expect((await me(body.tokens.accessToken)).status).toBe(200);
});

test('replaying a refresh token within ten seconds gives the same successor', async () => {
  const ada = await registerPerson(server.url);
  const first = await refresh(ada.tokens.refreshToken);
  clock.forward(9_000);
  const second = await refresh(ada.tokens.refreshToken);
  expect(second.status).toBe(200);
  expect(second.body.tokens.refreshToken).toBe(first.body.tokens.refreshToken);
});

test('ten parallel refreshes with one token all get the same successor', async () => {
  const ada = await registerPerson(server.url);
  const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(ada.tokens.refreshToken)));
  expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
  expect(new Set(answers.map(({ body }) => body.tokens.refreshToken)).size).toBe(1);
});

test('replaying a refresh token later kills every token of the session', async () => {
  const ada = await registerPerson(server.url);
  const { body } = await refresh(ada.tokens.refreshToken);
  clock.forward(11_000);
  expect(await refresh(ada.tokens.refreshToken)).toMatchObject({
    status: 401,
    body: { code: 'auth.refresh_reused' },
  });
  expect((await refresh(body.tokens.refreshToken)).status).toBe(401);
  expect((await me(body.tokens.accessToken)).body.code).toBe('auth.session_ended');
});

test('a token whose successor was used is reused even within ten seconds', async () => {
  const ada = await registerPerson(server.url);
  const { body } = await refresh(ada.tokens.refreshToken);
  expect((await refresh(body.tokens.refreshToken)).status).toBe(200);
  expect((await refresh(ada.tokens.refreshToken)).body.code).toBe('auth.refresh_reused');
});

test("a lost answer never costs the session: the device's signature replays until the successor is used", async () => {
  const ada = await registerPerson(server.url);
  const token = ada.tokens.refreshToken;
  const first = await refresh(token, proofOf(ada, token));
  clock.forward(24 * 3_600_000);
  const again = await refresh(token, proofOf(ada, token));
  expect(again.body.tokens.refreshToken).toBe(first.body.tokens.refreshToken);
  const successor = again.body.tokens.refreshToken;
  expect((await refresh(successor, proofOf(ada, successor))).status).toBe(200);
  expect((await refresh(token, proofOf(ada, token))).body.code).toBe('auth.refresh_reused');
});

test("another device's signature proves nothing, and ends nothing", async () => {
  const ada = await registerPerson(server.url);
  const token = ada.tokens.refreshToken;
  const forged = createTestDevice().sign(refreshProofText(token));
  expect(await refresh(token, forged)).toMatchObject({ status: 401, body: { code: 'auth.bad_signature' } });
  expect((await refresh(token)).status).toBe(200);
});

test('a refresh token ends after thirty days, and an unknown one is refused', async () => {
  const ada = await registerPerson(server.url);
  clock.forward(31 * 24 * 3_600_000);
  expect((await refresh(ada.tokens.refreshToken)).body.code).toBe('auth.refresh_expired');
  expect((await refresh('no such token')).body.code).toBe('auth.refresh_invalid');
});

test('logging out ends the session with the answer', async () => {
  const ada = await registerPerson(server.url);
  expect((await ada.call('POST', '/auth/logout')).status).toBe(204);
  expect((await ada.call('GET', '/auth/me')).status).toBe(401);
  expect((await refresh(ada.tokens.refreshToken)).body.code).toBe('auth.session_ended');
});

test('sessions outlive a restart of the service', async () => {
  const ada = await registerPerson(server.url);
  await server.restart();
  expect((await me(ada.tokens.accessToken)).status).toBe(200);
});

test("a workspace header that is not the caller's own answers like one that does not exist", async () => {
  const [ada, bob] = [await registerPerson(server.url), await registerPerson(server.url)];
  const me = (person: Person, id: string) =>
    person.call('GET', '/auth/me', undefined, { 'alcove-workspace': id });
  expect((await me(ada, ada.workspace.id)).status).toBe(200);
  const [foreign, absent] = [await me(ada, bob.workspace.id), await me(ada, bob.account.id)];
  expect(foreign).toMatchObject({ status: 404, body: { code: 'workspace.not_found' } });
  expect({ ...absent.body, requestId: '' }).toEqual({ ...foreign.body, requestId: '' });
});
