import { createHash, randomBytes } from 'node:crypto';
import { deviceSignInText } from '@alcove/contract/keys';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  createGithubPerson,
  type GithubDouble,
  type GithubMood,
  githubClient,
  startGithub,
} from '../../../testing/doubles/github.ts';
import {
  createGooglePerson,
  type GoogleDouble,
  type GoogleMood,
  googleClient,
  startGoogle,
} from '../../../testing/doubles/google.ts';
import {
  callApi,
  createTestClock,
  createTestDevice,
  startTestServer,
  type TestServer,
} from '../../../testing/index.ts';
import { agree, createBrowser, locationOf } from './fixtures/browser.ts';

const clock = createTestClock();
const app = 'https://app.example.com/signed-in?from=alcove';
const phone = 'myapp://signed-in';
const opened = new AsyncDisposableStack();
let google: GoogleDouble;
let github: GithubDouble;
let server: TestServer;
beforeAll(async () => {
  [google, github] = [opened.use(await startGoogle()), opened.use(await startGithub())];
  server = opened.use(
    await startTestServer({
      clock,
      env: {
        GOOGLE_CLIENT_ID: googleClient.id,
        GOOGLE_CLIENT_SECRET: googleClient.secret,
        GOOGLE_BASE_URL: google.url,
        GITHUB_CLIENT_ID: githubClient.id,
        GITHUB_CLIENT_SECRET: githubClient.secret,
        GITHUB_BASE_URL: github.url,
        GITHUB_API_BASE_URL: github.url,
        ALCOVE_OAUTH_REDIRECTS: `${app}, ${phone}`,
      },
    }),
  );
});
afterAll(() => opened.disposeAsync());
beforeEach(() => {
  Object.assign(google, { mood: 'well', person: createGooglePerson() });
  Object.assign(github, { mood: 'well', person: createGithubPerson() });
});

type ProviderName = 'google' | 'github';

const startOf = (provider: ProviderName, query: Record<string, string> = {}) =>
  `${server.url}/api/v1/auth/oauth/${provider}?${new URLSearchParams(query)}`;

async function signIn(provider: ProviderName) {
  const browser = createBrowser(server.url);
  const answer = await browser.visit(await agree(browser, startOf(provider)));
  return { status: answer.status, body: await answer.json() };
}

async function signInToApp(provider: ProviderName, query: Record<string, string> = {}): Promise<URL> {
  const browser = createBrowser(server.url);
  const answer = await browser.visit(await agree(browser, startOf(provider, { redirect: app, ...query })));
  expect(answer.status).toBe(302);
  return new URL(locationOf(answer));
}

const exchange = (body: object) => callApi(server.url, 'POST', '/auth/oauth/exchange', body);
const codeOf = (url: URL) => url.searchParams.get('code') ?? '';

test('a device that is known goes on as itself when its person signs in again, and nobody else with it', async () => {
  const keys = createTestDevice();
  const first = await exchange({ code: codeOf(await signInToApp('google')), device: keys.input });
  const deviceId = first.body.device.id;
  const prove = async () => {
    const { challenge } = (await callApi(server.url, 'POST', '/auth/challenges', { deviceId })).body;
    return { deviceId, challenge, signature: keys.sign(deviceSignInText(deviceId, challenge)) };
  };
  expect(await callApi(server.url, 'POST', '/auth/device-login', await prove())).toMatchObject({
    status: 403,
    body: { code: 'auth.device_not_enough' },
  });
  const again = { code: codeOf(await signInToApp('google')), known: await prove() };
  expect(await exchange(again)).toMatchObject({ status: 200, body: { device: { id: deviceId } } });
  google.person = createGooglePerson();
  const foreign = { code: codeOf(await signInToApp('google')), known: await prove() };
  expect(await exchange(foreign)).toMatchObject({ status: 401, body: { code: 'auth.proof_invalid' } });
});

test.each([
  ['google', () => google.person.email, 'Ada Lovelace'],
  ['github', () => github.person.emails[1]?.email.toLowerCase(), 'Grace Hopper'],
] as const)(
  'signing in with %s makes an account once and finds it again',
  async (provider, email, displayName) => {
    const first = await signIn(provider);
    expect(first.status).toBe(200);
    expect(first.body.account).toMatchObject({ kind: 'oauth', email: email(), displayName });
    const me = await callApi(server.url, 'GET', '/auth/me', undefined, {
      authorization: `Bearer ${first.body.tokens.accessToken}`,
    });
    expect(me.body.account).toEqual(first.body.account);
    expect((await signIn(provider)).body.account.id).toBe(first.body.account.id);
  },
);

test('the browser goes to the provider with PKCE, a state, and the redirect address of the settings', async () => {
  const forged = { headers: { 'x-forwarded-host': 'evil.example' }, redirect: 'manual' as const };
  const url = new URL(locationOf(await fetch(startOf('google'), forged)));
  expect(Object.fromEntries(url.searchParams)).toMatchObject({
    response_type: 'code',
    client_id: googleClient.id,
    redirect_uri: 'http://alcove.test/api/v1/auth/oauth/google/callback',
    code_challenge_method: 'S256',
  });
  for (const name of ['state', 'nonce', 'code_challenge'])
    expect(url.searchParams.get(name)).toMatch(/^[\w-]{43}$/);
});

test('the cookie that binds the sign-in to its browser is out of reach of scripts', async () => {
  const [cookie] = (await fetch(startOf('google'), { redirect: 'manual' })).headers.getSetCookie();
  expect(cookie).toMatch(/^alcove-oauth=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600$/);
});

test('under https the cookie is secure and belongs to this host alone', async () => {
  await using secure = await startTestServer({
    env: {
      PUBLIC_URL: 'https://alcove.test',
      GOOGLE_CLIENT_ID: 'id',
      GOOGLE_CLIENT_SECRET: 'secret',
      GOOGLE_BASE_URL: google.url,
    },
  });
  const answer = await fetch(`${secure.url}/api/v1/auth/oauth/google`, { redirect: 'manual' });
  const [cookie] = answer.headers.getSetCookie();
  expect(cookie).toMatch(/^__Host-alcove-oauth=.*; Path=\/; HttpOnly; SameSite=Lax; Max-Age=600; Secure$/);
});

test('an app gets a code, and with the code the tokens, once', async () => {
  const url = await signInToApp('google');
  expect(`${url.origin}${url.pathname}`).toBe('https://app.example.com/signed-in');
  expect(url.searchParams.get('from')).toBe('alcove');
  const code = codeOf(url);
  const answer = await exchange({ code, device: createTestDevice('Phone').input });
  expect(answer).toMatchObject({
    status: 200,
    body: { account: { kind: 'oauth' }, device: { name: 'Phone', endorsedBy: null } },
  });
  expect((await exchange({ code })).body.code).toBe('oauth.code_invalid');
});

test('a code that is exchanged twice with one key gives the same tokens again', async () => {
  const code = codeOf(await signInToApp('google'));
  const send = () =>
    callApi(server.url, 'POST', '/auth/oauth/exchange', { code }, { 'idempotency-key': code });
  const first = await send();
  expect((await send()).body).toEqual(first.body);
});

test('a code ends after a minute', async () => {
  const code = codeOf(await signInToApp('google'));
  clock.forward(60_001);
  expect((await exchange({ code })).body.code).toBe('oauth.code_invalid');
});

test('a code that was caught on its way is worth nothing without the secret of the app that began', async () => {
  const codeVerifier = randomBytes(32).toString('base64url');
  const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url');
  const code = codeOf(await signInToApp('google', { codeChallenge, redirect: phone }));
  expect((await exchange({ code })).body.code).toBe('oauth.code_invalid');
  const wrong = await exchange({ code, codeVerifier: randomBytes(32).toString('base64url') });
  expect(wrong.body.code).toBe('oauth.code_invalid');
  expect((await exchange({ code, codeVerifier })).status).toBe(200);
});

test.each([
  'https://evil.example/',
  'https://app.example.com/signed-in',
  'https://app.example.com/signed-in?from=alcove&more',
  'https://app.example.com.evil.example/signed-in?from=alcove',
  'javascript:alert(1)',
  '',
])('no sign-in leads back to %j', async (redirect) => {
  const answer = await callApi(server.url, 'GET', `/auth/oauth/google?${new URLSearchParams({ redirect })}`);
  expect(answer).toMatchObject({ status: 400, body: { code: 'oauth.redirect_not_allowed' } });
});

test('a callback in another browser is refused and leaves the sign-in to the one that began it', async () => {
  const [mine, theirs] = [createBrowser(server.url), createBrowser(server.url)];
  const callback = await agree(mine, startOf('google'));
  for (const victim of [createBrowser(server.url), theirs]) {
    await theirs.visit(startOf('google'));
    const answer = await victim.visit(callback);
    expect([answer.status, (await answer.json()).code]).toEqual([400, 'oauth.state_invalid']);
  }
  expect((await mine.visit(callback)).status).toBe(200);
});

test.each<[string, (callback: URL) => void]>([
  ['with another state', (url) => url.searchParams.set('state', 'x'.repeat(43))],
  ['without a state', (url) => url.searchParams.delete('state')],
  ['at another provider', (url) => (url.pathname = url.pathname.replace('google', 'github'))],
])('a callback %s is refused', async (_, change) => {
  const browser = createBrowser(server.url);
  const callback = new URL(await agree(browser, startOf('google')));
  change(callback);
  const answer = await browser.visit(callback.href);
  expect([answer.status, (await answer.json()).code]).toEqual([400, 'oauth.state_invalid']);
});

test('a callback works once, and not after ten minutes', async () => {
  const browser = createBrowser(server.url);
  const callback = await agree(browser, startOf('google'));
  expect((await browser.visit(callback)).status).toBe(200);
  expect((await browser.visit(callback)).status).toBe(400);
  const late = await agree(browser, startOf('google'));
  clock.forward(600_001);
  expect((await browser.visit(late)).status).toBe(400);
});

test('one browser may be in the middle of two sign-ins', async () => {
  const browser = createBrowser(server.url);
  const first = await agree(browser, startOf('google'));
  const second = await agree(browser, startOf('github'));
  expect((await browser.visit(first)).status).toBe(200);
  expect((await browser.visit(second)).status).toBe(200);
});

test.each<GoogleMood>([
  'breaks',
  'talks nonsense',
  'another audience',
  'another issuer',
  'another nonce',
  'no nonce',
  'an expired token',
  'a key of its own making',
  'no signature',
])('a Google that answers with %s signs nobody in', async (mood) => {
  google.mood = mood;
  const { status, body } = await signIn('google');
  expect([status, body.code]).toEqual([502, 'oauth.provider_failed']);
});

test.each<GithubMood>(['breaks', 'refuses the code', 'names nobody'])(
  'a GitHub that %s signs nobody in',
  async (mood) => {
    github.mood = mood;
    const { status, body } = await signIn('github');
    expect([status, body.code]).toEqual([502, 'oauth.provider_failed']);
  },
);

test('a provider that hangs is left after five seconds, and the app that waits hears of it', async () => {
  google.mood = 'hangs';
  const startedAt = performance.now();
  expect((await signInToApp('google')).searchParams.get('error')).toBe('oauth.provider_failed');
  expect(performance.now() - startedAt).toBeLessThan(9000);
});

test('whoever does not agree is not signed in, and the app that waits hears of it', async () => {
  google.mood = 'denies';
  github.mood = 'denies';
  expect((await signInToApp('google')).searchParams.get('error')).toBe('oauth.denied');
  expect(await signIn('github')).toMatchObject({ status: 403, body: { code: 'oauth.denied' } });
});

test('the same mail address at two providers and by password is three accounts', async () => {
  const email = google.person.email;
  const byPassword = await callApi(server.url, 'POST', '/auth/signup', {
    email,
    password: 'seventeen green otters',
  });
  github.person = { ...github.person, emails: [{ email, primary: true, verified: true }] };
  const [byGoogle, byGithub] = [await signIn('google'), await signIn('github')];
  expect([byGoogle.body.account.email, byGithub.body.account.email]).toEqual([null, null]);
  expect(new Set([byPassword, byGoogle, byGithub].map(({ body }) => body.account.id)).size).toBe(3);
});

test('the same subject at two providers is two accounts', async () => {
  google.person = { ...google.person, sub: String(github.person.id) };
  const [byGoogle, byGithub] = [await signIn('google'), await signIn('github')];
  expect(byGoogle.body.account.id).not.toBe(byGithub.body.account.id);
});

test('a mail address that the provider has not proven does not become the address of the account', async () => {
  google.person = { ...google.person, email_verified: false };
  github.person = {
    ...github.person,
    emails: [{ email: 'sly@example.com', primary: true, verified: false }],
  };
  expect((await signIn('google')).body.account.email).toBeNull();
  expect((await signIn('github')).body.account.email).toBeNull();
});

test('ten first sign-ins of one person at once make one account', async () => {
  const signedIn = await Promise.all(Array.from({ length: 10 }, () => signIn('google')));
  expect(signedIn.map(({ status }) => status)).toEqual(Array(10).fill(200));
  expect(new Set(signedIn.map(({ body }) => body.account.id)).size).toBe(1);
});

test('an account of a provider has no password: none signs in to it, and no letter gives it one', async () => {
  await signIn('google');
  const { email } = google.person;
  for (const password of ['', 'null', 'undefined']) {
    expect((await callApi(server.url, 'POST', '/auth/login', { email, password })).status).toBe(401);
  }
});

test('a provider that is not set up is not there', async () => {
  await using bare = await startTestServer();
  expect((await callApi(bare.url, 'GET', '/auth/oauth/google')).body.code).toBe('oauth.provider_unknown');
});
