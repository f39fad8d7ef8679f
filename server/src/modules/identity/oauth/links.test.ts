import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import {
  createGithubPerson,
  type GithubDouble,
  githubClient,
  startGithub,
} from '../../../testing/doubles/github.ts';
import {
  createGooglePerson,
  type GoogleDouble,
  googleClient,
  startGoogle,
} from '../../../testing/doubles/google.ts';
import {
  type Answer,
  asPerson,
  callApi,
  codeIn,
  createTestClock,
  createTestDevice,
  lettersTo,
  type Person,
  registerPerson,
  startTestServer,
  type TestServer,
  waitForLetter,
} from '../../../testing/index.ts';
import { agree, createBrowser, locationOf } from './fixtures/browser.ts';

const clock = createTestClock();
const app = 'https://app.example.com/signed-in';
const password = 'fourteen slow badgers';
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
        ALCOVE_OAUTH_REDIRECTS: app,
      },
    }),
  );
});
afterAll(() => opened.disposeAsync());
beforeEach(() => {
  Object.assign(google, { person: createGooglePerson() });
  Object.assign(github, { person: createGithubPerson() });
});

type ProviderName = 'google' | 'github';
let people = 0;
const codeOf = ({ status, body }: Answer) => [status, body?.code];

/** Agrees at the provider for an app; answers what the app then holds. */
async function agreeFor(provider: ProviderName, purpose: 'sign-in' | 'link') {
  const codeVerifier = randomBytes(32).toString('base64url');
  const codeChallenge = createHash('sha256').update(codeVerifier).digest('base64url');
  const query = new URLSearchParams({ redirect: app, codeChallenge, purpose });
  const browser = createBrowser(server.url);
  const start = `${server.url}/api/v1/auth/oauth/${provider}?${query}`;
  const back = new URL(locationOf(await browser.visit(await agree(browser, start))));
  return { code: back.searchParams.get('code') ?? '', codeVerifier };
}

const exchange = (body: object) => callApi(server.url, 'POST', '/auth/oauth/exchange', body);
const link = (person: Person, body: object) => person.call('POST', '/auth/identities', body);
const unlink = (person: Person, provider: ProviderName) =>
  person.call('DELETE', `/auth/identities/${provider}`);
const linkedBy = async (person: Person) =>
  (await person.call('GET', '/auth/identities')).body.data.map(
    ({ provider }: { provider: string }) => provider,
  );
const accountBehind = async (provider: ProviderName) =>
  (await exchange(await agreeFor(provider, 'sign-in'))).body.account.id;

const newAddress = () => `links-${++people}@example.com`;

async function signup(email = newAddress()): Promise<Person> {
  const device = createTestDevice();
  const { body } = await callApi(server.url, 'POST', '/auth/signup', {
    email,
    password,
    device: device.input,
  });
  return asPerson(server.url, device, body);
}

async function signInWith(provider: ProviderName): Promise<Person> {
  const device = createTestDevice();
  const { body } = await exchange({ ...(await agreeFor(provider, 'sign-in')), device: device.input });
  return asPerson(server.url, device, body);
}

test.each(['google', 'github'] as const)(
  'an account with a password adds %s and signs in by it from then on',
  async (provider) => {
    const ada = await signup();
    const added = await link(ada, { ...(await agreeFor(provider, 'link')), password });
    expect(added).toMatchObject({ status: 201, body: { provider } });
    expect(await linkedBy(ada)).toEqual([provider]);
    expect(await accountBehind(provider)).toBe(ada.account.id);
    expect((await ada.call('GET', '/audit/logs?action=identity.linked')).body.data).toMatchObject([
      { detail: { provider } },
    ]);
    expect((await unlink(ada, provider)).status).toBe(204);
    expect(await accountBehind(provider)).not.toBe(ada.account.id);
  },
);

test('the owner of an account is told by letter of a service that was added to it, and of no other attempt', async () => {
  const email = newAddress();
  const ada = await signup(email);
  await link(ada, { ...(await agreeFor('google', 'link')), password: 'x' });
  await link(ada, { ...(await agreeFor('google', 'sign-in')), password });
  await link(ada, { ...(await agreeFor('github', 'link')), password });
  const letter = await waitForLetter(server, email, /GitHub was added/);
  expect(letter).not.toContain(password);
  expect(await lettersTo(server, email, /was added/)).toHaveLength(1);
});

test('an account without a name or a mail address adds one as well, and stays reachable by its devices', async () => {
  const ada = await registerPerson(server.url);
  expect((await link(ada, await agreeFor('github', 'link'))).status).toBe(201);
  expect(await accountBehind('github')).toBe(ada.account.id);
  expect((await unlink(ada, 'github')).status).toBe(204);
});

test('the only way into an account stays', async () => {
  const ada = await signInWith('google');
  expect(codeOf(await unlink(ada, 'google'))).toEqual([409, 'oauth.last_way_in']);
  expect((await link(ada, await agreeFor('github', 'link'))).status).toBe(201);
  const answers = await Promise.all([unlink(ada, 'google'), unlink(ada, 'github')]);
  expect(answers.map(({ status }) => status).sort()).toEqual([204, 409]);
  expect(await linkedBy(ada)).toHaveLength(1);
});

test.each<[string, (ada: Person) => Promise<object>, number, string]>([
  ['no password', async () => agreeFor('google', 'link'), 403, 'auth.password_required'],
  [
    'a wrong password',
    async () => ({ ...(await agreeFor('google', 'link')), password: 'x' }),
    403,
    'auth.wrong_password',
  ],
  [
    'the secret of another app',
    async () => ({
      ...(await agreeFor('google', 'link')),
      codeVerifier: randomBytes(32).toString('base64url'),
      password,
    }),
    400,
    'oauth.code_invalid',
  ],
  [
    'the code of a sign-in',
    async () => ({ ...(await agreeFor('google', 'sign-in')), password }),
    400,
    'oauth.code_invalid',
  ],
  [
    'a code of a minute ago',
    async () => {
      const body = { ...(await agreeFor('google', 'link')), password };
      clock.forward(61_000);
      return body;
    },
    400,
    'oauth.code_invalid',
  ],
  [
    'a person who has an account',
    async () => {
      await signInWith('google');
      return { ...(await agreeFor('google', 'link')), password };
    },
    409,
    'oauth.identity_taken',
  ],
  [
    'a second person of the same service',
    async (ada) => {
      expect((await link(ada, { ...(await agreeFor('google', 'link')), password })).status).toBe(201);
      google.person = createGooglePerson();
      return { ...(await agreeFor('google', 'link')), password };
    },
    409,
    'oauth.provider_linked',
  ],
])('with %s nothing is added', async (_name, bodyOf, status, code) => {
  const ada = await signup();
  const body = await bodyOf(ada);
  const before = await linkedBy(ada);
  expect(codeOf(await link(ada, body))).toEqual([status, code]);
  expect(await linkedBy(ada)).toEqual(before);
});

test('a code adds once, and to one account', async () => {
  const [ada, eve] = [await signup(), await signup()];
  const body = { ...(await agreeFor('google', 'link')), password };
  const answers = await Promise.all([link(ada, body), link(eve, body)]);
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 400]);
});

test('a code for adding opens no session', async () => {
  expect(codeOf(await exchange(await agreeFor('google', 'link')))).toEqual([400, 'oauth.code_invalid']);
});

test.each([
  ['no app that waits', { codeChallenge: 'A'.repeat(43), purpose: 'link' }],
  ['no secret of the app', { redirect: app, purpose: 'link' }],
])('adding begins with an app and its secret: not with %s', async (_name, query: Record<string, string>) => {
  const answer = await fetch(`${server.url}/api/v1/auth/oauth/google?${new URLSearchParams(query)}`);
  expect([answer.status, (await answer.json()).code]).toEqual([400, 'oauth.link_needs_app']);
});

test('whoever signed up with the address of somebody else does not come in by a service, once that one has claimed it', async () => {
  const eve = await signup();
  expect((await link(eve, { ...(await agreeFor('google', 'link')), password })).status).toBe(201);
  const { email } = eve.account;
  await callApi(server.url, 'POST', '/auth/password/forgot', { email });
  const token = codeIn(await waitForLetter(server, email ?? '', /Choose a new password/));
  const reset = { token, password: `${password} anew` };
  expect((await callApi(server.url, 'POST', '/auth/password/reset', reset)).status).toBe(204);
  expect(await accountBehind('google')).not.toBe(eve.account.id);
});

test('a guest becomes an account first', async () => {
  const { body } = await callApi(server.url, 'POST', '/auth/guest', {});
  const guest = asPerson(server.url, createTestDevice(), body);
  expect(codeOf(await link(guest, await agreeFor('google', 'link')))).toEqual([
    409,
    'oauth.guest_cannot_link',
  ]);
});

test('a service that was never added is not there to be taken away', async () => {
  expect(codeOf(await unlink(await signup(), 'github'))).toEqual([404, 'oauth.identity_not_found']);
});
