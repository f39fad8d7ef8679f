import { request } from 'node:http';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startMailServer } from '../../../testing/doubles/smtp.ts';
import {
  type Answer,
  callApi,
  codeIn,
  createTestClock,
  createTestDevice,
  lettersTo,
  startTestServer,
  type TestServer,
  waitForLetter,
} from '../../../testing/index.ts';

const clock = createTestClock();
const password = 'seventeen green otters';
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterAll(() => server.close());

let people = 0;
const newEmail = () => `person-${++people}@example.com`;
const post = (path: string, body: unknown, accessToken?: string, headers?: Record<string, string>) =>
  callApi(server.url, 'POST', path, body, {
    ...(accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }),
    ...headers,
  });
const get = (path: string, accessToken: string) =>
  callApi(server.url, 'GET', path, undefined, { authorization: `Bearer ${accessToken}` });
const patchMe = (body: unknown, accessToken: string) =>
  callApi(server.url, 'PATCH', '/auth/me', body, { authorization: `Bearer ${accessToken}` });
const login = (email: string, tried = password, more: object = {}) =>
  post('/auth/login', { email, password: tried, ...more });
const tokenOf = ({ body }: Answer): string => body.tokens.accessToken;

async function signup(email = newEmail(), more: object = {}): Promise<Answer> {
  const answer = await post('/auth/signup', { email, password, ...more });
  expect(answer.status).toBe(201);
  return answer;
}

test('signing up makes an account with a workspace and tokens that work, and sends a letter', async () => {
  const email = newEmail();
  const { body } = await signup(email, { displayName: 'Ada' });
  expect(body.account).toMatchObject({ kind: 'password', email, emailVerified: false, displayName: 'Ada' });
  expect(body).not.toHaveProperty('device');
  const me = await get('/auth/me', body.tokens.accessToken);
  expect(me.body).toMatchObject({ account: body.account, workspaces: [{ role: 'owner' }] });
  expect(await waitForLetter(server, email, /Confirm/)).toContain('http://alcove.test/verify-email#token=');
});

test('a device that comes along belongs to the session and is endorsed by nobody', async () => {
  const email = newEmail();
  const first = await signup(email, { device: createTestDevice('Laptop').input });
  expect(first.body.device).toMatchObject({ name: 'Laptop', current: true, endorsedBy: null });
  const second = await login(email, password, { device: createTestDevice('Phone').input });
  expect(second.body.device).toMatchObject({ name: 'Phone', endorsedBy: null });
  const { body } = await get('/auth/devices', tokenOf(second));
  expect(body.data.map(({ name }: { name: string }) => name)).toEqual(['Laptop', 'Phone']);
  expect((await get('/sync/keys', tokenOf(second))).body.shares).toEqual([]);
});

test('bringing the keys of a known device along does not make the session that device', async () => {
  const email = newEmail();
  const laptop = createTestDevice();
  const first = await signup(email, { device: laptop.input });
  const second = await login(email, password, { device: laptop.input });
  expect(second.body.device.id).not.toBe(first.body.device.id);
});

test.each([
  ['the very same', (email: string) => email],
  ['in upper case', (email: string) => email.toUpperCase()],
  ['with spaces around', (email: string) => `  ${email}\t`],
])('a mail address that is taken, %s, is refused', async (_, spell) => {
  const email = newEmail();
  await signup(email);
  const again = await post('/auth/signup', { email: spell(email), password });
  expect(again).toMatchObject({ status: 409, body: { code: 'auth.email_taken' } });
  expect((await login(spell(email))).status).toBe(200);
});

test('twenty sign-ups with one mail address at once make one account', async () => {
  const email = newEmail();
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => post('/auth/signup', { email, password })),
  );
  const statuses = answers.map(({ status }) => status).sort();
  expect(statuses).toEqual([201, ...Array(19).fill(409)]);
});

test('a sign-up that is sent twice with one key is done once', async () => {
  const request = { email: newEmail(), password };
  const first = await post('/auth/signup', request, undefined, { 'idempotency-key': 'once' });
  const second = await post('/auth/signup', request, undefined, { 'idempotency-key': 'once' });
  expect(second.headers.get('idempotency-replayed')).toBe('true');
  expect(second.body).toEqual(first.body);
});

test.each([
  ['short', 'aB3$xyz', 'request.invalid'],
  ['short in characters, though not in bytes', '🦊🦊🦊🦊🦊🦊🦊', 'request.invalid'],
  ['longer than 1024 bytes', '🦊x'.repeat(250), 'auth.weak_password'],
  ['among the first that anybody tries', 'password123', 'auth.weak_password'],
  ['the same with digits for letters', 'P@ssw0rd123', 'auth.weak_password'],
  ['one character', 'zzzzzzzzzzzz', 'auth.weak_password'],
  ['a walk over the keys', 'qwertyuiop', 'auth.weak_password'],
  ['counting', '23456789', 'auth.weak_password'],
])('a password that is %s is refused', async (_, weak, code) => {
  expect((await post('/auth/signup', { email: newEmail(), password: weak })).body.code).toBe(code);
});

test('a password that is the mail address is refused', async () => {
  const email = newEmail();
  expect((await post('/auth/signup', { email, password: email })).body.code).toBe('auth.weak_password');
});

test.each([
  'ada',
  'ada@',
  '@example.com',
  'a b@example.com',
  'a@b@c',
  'a@example.com\r\nBcc: eve@example.com',
  '',
])('%j is not taken for a mail address', async (email) => {
  expect((await post('/auth/signup', { email, password })).body.code).toBe('request.invalid');
});

test('nothing of a long password is cut off', async () => {
  const email = newEmail();
  const long = 'x7'.repeat(100);
  expect((await post('/auth/signup', { email, password: `${long}a` })).status).toBe(201);
  expect((await login(email, `${long}b`)).status).toBe(401);
  expect((await login(email, `${long}a`)).status).toBe(200);
});

test('a password with accents may be typed in either Unicode form', async () => {
  const email = newEmail();
  await post('/auth/signup', { email, password: 'crème brûlée soir'.normalize('NFC') });
  expect((await login(email, 'crème brûlée soir'.normalize('NFD'))).status).toBe(200);
});

test('a wrong password and an unknown mail address are one answer', async () => {
  const email = newEmail();
  await signup(email);
  const [wrong, unknown] = [await login(email, 'not the password'), await login(newEmail())];
  expect(wrong).toMatchObject({ status: 401, body: { code: 'auth.invalid_credentials' } });
  expect({ ...unknown.body, requestId: '' }).toEqual({ ...wrong.body, requestId: '' });
});

test('changing the password ends other sessions and keeps this one', async () => {
  const email = newEmail();
  const here = tokenOf(await signup(email));
  const elsewhere = tokenOf(await login(email));
  const changed = await post(
    '/auth/password/change',
    { currentPassword: password, newPassword: 'eighteen green otters' },
    here,
  );
  expect(changed.status).toBe(204);
  expect((await get('/auth/me', here)).status).toBe(200);
  expect((await get('/auth/me', elsewhere)).body.code).toBe('auth.session_ended');
  expect((await login(email)).status).toBe(401);
  expect((await login(email, 'eighteen green otters')).status).toBe(200);
  expect(await waitForLetter(server, email, /password was changed/)).not.toMatch(/otters/);
});

test.each([
  [
    'a wrong current password',
    { currentPassword: 'wrong', newPassword: 'eighteen green otters' },
    403,
    'auth.wrong_password',
  ],
  ['a weak new one', { currentPassword: password, newPassword: 'password123' }, 400, 'auth.weak_password'],
])('changing the password with %s changes nothing', async (_, request, status, code) => {
  const email = newEmail();
  const token = tokenOf(await signup(email));
  expect(await post('/auth/password/change', request, token)).toMatchObject({ status, body: { code } });
  expect((await login(email)).status).toBe(200);
});

async function askForReset(email: string, count = 1): Promise<string> {
  const asked = await post('/auth/password/forgot', { email });
  expect(asked).toMatchObject({ status: 202, body: { accepted: true } });
  return codeIn(await waitForLetter(server, email, /new password/, count));
}

test('the code of a letter sets a new password once, and ends every session', async () => {
  const email = newEmail();
  const session = tokenOf(await signup(email));
  const token = await askForReset(email);
  const reset = { token, password: 'nineteen green otters' };
  expect((await post('/auth/password/reset', reset)).status).toBe(204);
  expect((await get('/auth/me', session)).status).toBe(401);
  expect((await login(email)).status).toBe(401);
  expect((await login(email, 'nineteen green otters')).status).toBe(200);
  expect((await post('/auth/password/reset', { ...reset, password: 'twenty green otters' })).body.code).toBe(
    'auth.mail_token_invalid',
  );
});

test('ten uses of one code at once set one password', async () => {
  const email = newEmail();
  await signup(email);
  const token = await askForReset(email);
  const tried = Array.from({ length: 10 }, (_, at) => `${at} green otters in a row`);
  const answers = await Promise.all(
    tried.map((password) => post('/auth/password/reset', { token, password })),
  );
  const winners = tried.filter((_, at) => answers[at]?.status === 204);
  expect(winners).toHaveLength(1);
  expect((await login(email, winners[0])).status).toBe(200);
});

test('a weak password does not use up the code', async () => {
  const email = newEmail();
  await signup(email);
  const token = await askForReset(email);
  expect((await post('/auth/password/reset', { token, password: 'password123' })).body.code).toBe(
    'auth.weak_password',
  );
  expect((await post('/auth/password/reset', { token, password: 'twenty green otters' })).status).toBe(204);
});

test('a code ends after an hour, and a code for one thing does not do the other', async () => {
  const email = newEmail();
  await signup(email);
  const verification = codeIn(await waitForLetter(server, email, /Confirm/));
  const token = await askForReset(email);
  const wrongUse = await post('/auth/password/reset', { token: verification, password: 'other otters here' });
  expect(wrongUse.body.code).toBe('auth.mail_token_invalid');
  expect((await post('/auth/email/verify', { token })).body.code).toBe('auth.mail_token_invalid');
  clock.forward(3_600_001);
  expect((await post('/auth/password/reset', { token, password: 'other otters here' })).body.code).toBe(
    'auth.mail_token_invalid',
  );
});

test('asking again and again sends no flood of letters, and nobody unknown gets one', async () => {
  const [email, unknown] = [newEmail(), newEmail()];
  await signup(email);
  for (let round = 0; round < 4; round++) await post('/auth/password/forgot', { email });
  await post('/auth/password/forgot', { email: unknown });
  await waitForLetter(server, email, /new password/);
  // Tasks are done in their order: once what was asked for later is done, the others are.
  const later = newEmail();
  await signup(later);
  await askForReset(later);
  expect(await lettersTo(server, email, /new password/)).toHaveLength(1);
  expect(await lettersTo(server, unknown, /./)).toHaveLength(0);
});

test('a forged host does not get into the links of a letter', async () => {
  const email = newEmail();
  await signup(email);
  const forged = {
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'gopher',
    forwarded: 'host=evil.example',
  };
  await post('/auth/password/forgot', { email }, undefined, forged);
  await postWithHost('/auth/signup', { email: `host-${email}`, password }, 'evil.example');
  const letters = [
    await waitForLetter(server, email, /new password/),
    await waitForLetter(server, `host-${email}`, /Confirm/),
  ];
  for (const letter of letters) {
    expect(letter).toContain('http://alcove.test/');
    expect(letter).not.toMatch(/evil|gopher/);
  }
});

async function postWithHost(path: string, body: unknown, host: string): Promise<void> {
  const text = JSON.stringify(body);
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  const sent = request(
    `${server.url}/api/v1${path}`,
    { method: 'POST', headers: { host, 'content-type': 'application/json', 'content-length': text.length } },
    (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    },
  );
  sent.on('error', reject).end(text);
  expect(await promise).toBe(201);
}

test('the code of the first letter proves the address, once', async () => {
  const email = newEmail();
  const { body } = await signup(email);
  const token = codeIn(await waitForLetter(server, email, /Confirm/));
  const verified = await post('/auth/email/verify', { token });
  expect(verified).toMatchObject({
    status: 200,
    body: { account: { id: body.account.id, email, emailVerified: true } },
  });
  expect((await post('/auth/email/verify', { token })).body.code).toBe('auth.mail_token_invalid');
});

test('a new address replaces the old one when it is proven, and the old one is told', async () => {
  const [email, next] = [newEmail(), newEmail()];
  const token = tokenOf(await signup(email));
  expect((await patchMe({ email: next }, token)).body.code).toBe('auth.password_required');
  expect((await patchMe({ email: next, password: 'wrong' }, token)).body.code).toBe('auth.wrong_password');
  clock.forward(61_000);
  const asked = await patchMe({ email: next.toUpperCase(), password }, token);
  expect(asked).toMatchObject({ status: 200, body: { account: { email }, pendingEmail: next } });
  expect((await login(email)).status).toBe(200);
  await post('/auth/email/verify', { token: codeIn(await waitForLetter(server, next, /Confirm/)) });
  expect((await login(next)).status).toBe(200);
  expect((await login(email)).status).toBe(401);
  await waitForLetter(server, email, /address was changed/);
});

test.each<[string, (email: string, token: string) => Promise<Answer>]>([
  [
    'was changed',
    (_, token) =>
      post('/auth/password/change', { currentPassword: password, newPassword: 'twenty green otters' }, token),
  ],
  [
    'was chosen anew by letter',
    async (email) =>
      post('/auth/password/reset', { token: await askForReset(email), password: 'twenty green otters' }),
  ],
])(
  'once the password %s, nobody who knew the old one gives the account another address',
  async (_, renew) => {
    const [email, thiefs] = [newEmail(), newEmail()];
    const token = tokenOf(await signup(email));
    clock.forward(61_000);
    expect((await patchMe({ email: thiefs, password }, token)).status).toBe(200);
    const code = codeIn(await waitForLetter(server, thiefs, /Confirm/));
    expect((await renew(email, token)).status).toBe(204);
    expect((await post('/auth/email/verify', { token: code })).body.code).toBe('auth.mail_token_invalid');
    expect((await login(email, 'twenty green otters')).status).toBe(200);
  },
);

test('whoever signed up with the address of somebody else keeps no API key when its owner comes', async () => {
  const [squatted, proven] = [newEmail(), newEmail()];
  const secretOf = async (email: string) => {
    const token = tokenOf(await signup(email));
    return (await post('/auth/api-keys', { name: 'Robot', scopes: ['identity:read'] }, token)).body.secret;
  };
  const [foreign, own] = [await secretOf(squatted), await secretOf(proven)];
  await post('/auth/email/verify', { token: codeIn(await waitForLetter(server, proven, /Confirm/)) });
  for (const email of [squatted, proven])
    await post('/auth/password/reset', { token: await askForReset(email), password: 'twenty green otters' });
  expect((await get('/auth/clients', foreign)).body.code).toBe('auth.invalid_key');
  expect((await get('/auth/clients', own)).status).toBe(200);
  const session = tokenOf(await login(squatted, 'twenty green otters'));
  const log = await get('/audit/logs?action=api_key.revoked', session);
  expect(log.body.data).toMatchObject([{ detail: { because: 'password.reset' } }]);
});

test('an address that somebody else proved first stays theirs', async () => {
  const [mine, wanted] = [newEmail(), newEmail()];
  const token = tokenOf(await signup(mine));
  clock.forward(61_000);
  expect((await patchMe({ email: wanted, password }, token)).status).toBe(200);
  const code = codeIn(await waitForLetter(server, wanted, /Confirm/));
  await signup(wanted);
  expect((await post('/auth/email/verify', { token: code })).body.code).toBe('auth.email_taken');
  expect((await login(mine)).status).toBe(200);
});

test('a name is changed without a password, and members that are not ours are refused', async () => {
  const token = tokenOf(await signup());
  expect((await patchMe({ displayName: 'Grace' }, token)).body.account.displayName).toBe('Grace');
  expect((await patchMe({ displayName: null }, token)).body.account.displayName).toBeNull();
  expect((await patchMe({ kind: 'guest' }, token)).body.code).toBe('request.invalid');
});

test('what happened to a password stands in the audit log', async () => {
  const email = newEmail();
  const token = tokenOf(await signup(email));
  await login(email);
  await post('/auth/password/change', { currentPassword: password, newPassword: 'more green otters' }, token);
  const { body } = await get('/audit/logs', token);
  expect(body.data.map(({ action }: { action: string }) => action)).toEqual([
    'password.changed',
    'session.opened',
    'account.registered',
  ]);
  expect(JSON.stringify(body)).not.toMatch(/otters|example\.com/);
});

test('with a mail server set up, letters go there and none is written to a file', async () => {
  await using mailServer = await startMailServer();
  await using service = await startTestServer({
    env: { SMTP_URL: mailServer.url, MAIL_FROM: 'Alcove <no-reply@example.com>' },
  });
  const email = newEmail();
  await callApi(service.url, 'POST', '/auth/signup', { email, password });
  await vi.waitFor(() => expect(mailServer.letters).toHaveLength(1), 10_000);
  expect(mailServer.letters[0]).toMatch(new RegExp(`^To: ${email}$`, 'm'));
  expect(await lettersTo(service, email, /./)).toEqual([]);
});
