import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Answer,
  callApi,
  createTestClock,
  registerPerson,
  startTestServer,
  type TestServer,
} from '../../../testing/index.ts';

const clock = createTestClock();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterAll(() => server.close());

const dayMs = 24 * 3_600_000;
const password = 'seven purple teapots';
let addresses = 0;
const newEmail = () => {
  addresses += 1;
  return `somebody-${addresses}@example.com`;
};

interface Caller {
  readonly body: Answer['body'];
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}

function asCaller({ body }: Answer): Caller {
  const authorization = `Bearer ${body.tokens.accessToken}`;
  return {
    body,
    call: (method, path, sent, headers) =>
      callApi(server.url, method, path, sent, { authorization, ...headers }),
  };
}

async function newGuest(): Promise<Caller> {
  const answer = await callApi(server.url, 'POST', '/auth/guest', {});
  expect(answer.status).toBe(201);
  return asCaller(answer);
}

async function newAccount(email = newEmail()): Promise<Caller> {
  const answer = await callApi(server.url, 'POST', '/auth/signup', { email, password });
  expect(answer.status).toBe(201);
  return asCaller(answer);
}

/** A workspace of somebody else, into which the guest was invited. */
async function joinOther(
  guest: Caller,
  role = 'member',
  owner?: Caller,
): Promise<{ id: string; host: Caller }> {
  const host = owner ?? (await newAccount());
  const { id } = (await host.call('POST', '/workspaces', { name: 'Shared' })).body;
  const invitation = { email: newEmail(), role };
  const { token } = (await host.call('POST', `/workspaces/${id}/invitations`, invitation)).body;
  expect((await guest.call('POST', '/workspaces/invitations/accept', { token })).status).toBe(200);
  return { id, host };
}

const login = (email: string, rest: object = {}) =>
  callApi(server.url, 'POST', '/auth/login', { email, password, ...rest });

test('a guest has an account that ends, a workspace of its own and little room', async () => {
  const guest = await newGuest();
  const { account, workspace, device } = guest.body;
  expect(account).toMatchObject({ kind: 'guest', email: null });
  expect(Math.round((Date.parse(account.expiresAt) - clock.now()) / dayMs)).toBe(30);
  expect(device).toBeUndefined();
  expect((await guest.call('GET', '/auth/me')).body.workspaces).toEqual([
    { id: workspace.id, name: 'Personal', role: 'owner' },
  ]);
  const { body } = await guest.call('GET', `/workspaces/${workspace.id}/quota`);
  expect(body.limits).toEqual({ members: 1, invitations: 0, storageBytes: 104_857_600 });
});

test('a guest has no device, so it reaches no vault', async () => {
  const guest = await newGuest();
  const answer = await guest.call('POST', '/sync/push', { changes: [] });
  expect(answer).toMatchObject({ status: 403, body: { code: 'auth.device_required' } });
});

test.each([
  ['POST', '/auth/guest'],
  ['POST', '/auth/initialize'],
])('%s %s for an assistant that is not there is a 404', async (method, path) => {
  const assistantId = '00000000-0000-7000-8000-000000000000';
  expect(await callApi(server.url, method, path, { assistantId })).toMatchObject({
    status: 404,
    body: { code: 'assistant.not_found' },
  });
});

test('converting keeps the id, the session and what the guest owns, and takes the end away', async () => {
  const guest = await newGuest();
  const shared = await joinOther(guest);
  const email = newEmail();
  const { status, body } = await guest.call('POST', '/auth/convert-session', {
    email: ` ${email.toUpperCase()} `,
    password,
    displayName: 'Ada',
  });
  expect(status).toBe(200);
  expect(body.account).toMatchObject({
    id: guest.body.account.id,
    kind: 'password',
    email,
    displayName: 'Ada',
  });
  expect(body.account.expiresAt).toBeUndefined();
  for (const caller of [
    guest,
    asCaller({ status, body, headers: new Headers() }),
    asCaller(await login(email)),
  ]) {
    const me = (await caller.call('GET', '/auth/me')).body;
    expect(me.account.id).toBe(guest.body.account.id);
    expect(me.workspaces.map(({ id }: { id: string }) => id)).toEqual([guest.body.workspace.id, shared.id]);
  }
  const quota = (await guest.call('GET', `/workspaces/${guest.body.workspace.id}/quota`)).body;
  expect(quota.limits.members).toBeGreaterThan(1);
  const { data } = (await guest.call('GET', '/audit/logs?action=account.converted')).body;
  expect(data).toHaveLength(1);
});

test('a converted guest is not removed when its time would have been over', async () => {
  const guest = await newGuest();
  const email = newEmail();
  await guest.call('POST', '/auth/convert-session', { email, password });
  clock.forward(31 * dayMs);
  await server.runJob('identity.expire-guests');
  expect((await login(email)).status).toBe(200);
});

test.each([
  ['a common password', { password: 'password1' }, 400, 'auth.weak_password'],
  ['a short password', { password: 'short' }, 400, 'request.invalid'],
  ['what is no mail address', { email: 'nonsense' }, 400, 'request.invalid'],
  ['a kind of its own choosing', { kind: 'oauth' }, 400, 'request.invalid'],
])('converting with %s is refused and leaves the guest as it is', async (_, change, status, code) => {
  const guest = await newGuest();
  const request = { email: newEmail(), password, ...change };
  expect(await guest.call('POST', '/auth/convert-session', request)).toMatchObject({
    status,
    body: { code },
  });
  expect((await guest.call('GET', '/auth/me')).body.account).toEqual(guest.body.account);
});

test('an address that somebody has cannot be taken by converting', async () => {
  const email = newEmail();
  await newAccount(email);
  const guest = await newGuest();
  expect(await guest.call('POST', '/auth/convert-session', { email, password })).toMatchObject({
    status: 409,
    body: { code: 'auth.email_taken' },
  });
  expect((await guest.call('GET', '/auth/me')).body.account.kind).toBe('guest');
});

test('of ten guests that take one address at once, one gets it and the others stay guests', async () => {
  const email = newEmail();
  const guests = await Promise.all(Array.from({ length: 10 }, newGuest));
  const answers = await Promise.all(
    guests.map((guest) => guest.call('POST', '/auth/convert-session', { email, password })),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(409)]);
  const kinds = await Promise.all(
    guests.map(async (guest) => (await guest.call('GET', '/auth/me')).body.account.kind),
  );
  expect(kinds.filter((kind) => kind === 'guest')).toHaveLength(9);
});

test('only a guest can be converted, and only once', async () => {
  const [guest, ada] = [await newGuest(), await registerPerson(server.url)];
  const request = () => ({ email: newEmail(), password });
  expect((await guest.call('POST', '/auth/convert-session', request())).status).toBe(200);
  for (const caller of [guest, ada]) {
    expect(await caller.call('POST', '/auth/convert-session', request())).toMatchObject({
      status: 409,
      body: { code: 'guest.required' },
    });
  }
});

test('converting is answered again when it is sent again', async () => {
  const guest = await newGuest();
  const request = { email: newEmail(), password };
  const send = () => guest.call('POST', '/auth/convert-session', request, { 'idempotency-key': 'once' });
  const [first, second] = [await send(), await send()];
  expect(first.status).toBe(200);
  expect(second.body).toEqual(first.body);
});

test('who signs in with the token of a guest is told what the guest would bring along', async () => {
  const email = newEmail();
  await newAccount(email);
  const guest = await newGuest();
  const { status, body } = await login(email, { guestToken: guest.body.tokens.accessToken });
  expect(status).toBe(200);
  expect(body.guestWorkspace).toEqual({ id: guest.body.workspace.id, name: 'Personal' });
  expect((await guest.call('GET', '/auth/me')).status).toBe(200);
});

test.each([
  ['nonsense', () => 'nonsense'],
  ['of an account that is no guest', async () => (await newAccount()).body.tokens.accessToken],
  [
    'of a guest that signed out',
    async () => {
      const guest = await newGuest();
      await guest.call('POST', '/auth/logout', {});
      return guest.body.tokens.accessToken;
    },
  ],
])('a guest token %s offers nothing and merges nothing, and signing in goes on', async (_, tokenOf) => {
  const email = newEmail();
  await newAccount(email);
  const guestToken = await tokenOf();
  const signedIn = await login(email, { guestToken });
  expect(signedIn.status).toBe(200);
  expect(signedIn.body.guestWorkspace).toBeUndefined();
  expect(await asCaller(signedIn).call('POST', '/auth/guest/merge', { guestToken })).toMatchObject({
    status: 400,
    body: { code: 'guest.token_invalid' },
  });
});

test("merging moves the guest's workspaces to the account and ends the guest", async () => {
  const [ada, guest] = [await newAccount(), await newGuest()];
  const [second, own] = [await joinOther(guest), await joinOther(guest, 'owner', ada)];
  const { accessToken: guestToken, refreshToken } = guest.body.tokens;
  const { status, body } = await ada.call('POST', '/auth/guest/merge', { guestToken, name: 'Tried out' });
  expect(status).toBe(200);
  expect(body.workspace).toEqual({ id: guest.body.workspace.id, name: 'Tried out', role: 'owner' });
  const { workspaces } = (await ada.call('GET', '/auth/me')).body;
  expect(workspaces.slice(1)).toEqual(
    expect.arrayContaining([
      body.workspace,
      { id: second.id, name: 'Shared', role: 'member' },
      { id: own.id, name: 'Shared', role: 'owner' },
    ]),
  );
  expect((await guest.call('GET', '/auth/me')).status).toBe(401);
  expect((await callApi(server.url, 'POST', '/auth/refresh', { refreshToken })).status).toBe(401);
  const headers = { 'alcove-workspace': body.workspace.id };
  const quota = await ada.call('GET', `/workspaces/${body.workspace.id}/quota`);
  expect(quota.body.limits.members).toBeGreaterThan(1);
  const moved = (await ada.call('GET', '/audit/logs?action=member.added', undefined, headers)).body.data;
  expect(moved).toEqual([
    expect.objectContaining({ detail: { role: 'owner', inPlaceOf: guest.body.account.id } }),
  ]);
  const merged = (await ada.call('GET', '/audit/logs?action=guest.merged')).body.data;
  expect(merged).toHaveLength(1);
  expect((await ada.call('GET', '/audit/verify', undefined, headers)).body.valid).toBe(true);
});

test('of five accounts that merge one guest at once, one gets it', async () => {
  const guest = await newGuest();
  const accounts = await Promise.all(Array.from({ length: 5 }, () => newAccount()));
  const { accessToken: guestToken } = guest.body.tokens;
  const answers = await Promise.all(
    accounts.map((account) => account.call('POST', '/auth/guest/merge', { guestToken })),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400, 400, 400]);
});

test('a guest takes over no guest, itself least of all', async () => {
  const [one, other] = [await newGuest(), await newGuest()];
  for (const { body } of [one, other]) {
    const guestToken = body.tokens.accessToken;
    expect(await one.call('POST', '/auth/guest/merge', { guestToken })).toMatchObject({
      status: 409,
      body: { code: 'guest.account_required' },
    });
  }
  expect((await other.call('GET', '/auth/me')).status).toBe(200);
});

async function membersOf({ id, host }: { id: string; host: Caller }): Promise<unknown[]> {
  const renewed = asCaller(await login(host.body.account.email));
  return (await renewed.call('GET', `/workspaces/${id}/members`)).body.data;
}

test('a guest whose time is over is removed with its memberships, and no other guest is', async () => {
  const old = await newGuest();
  const shared = await joinOther(old);
  clock.forward(29.5 * dayMs);
  const young = await newGuest();
  clock.forward(dayMs / 2 + 60_000);
  await server.runJob('identity.expire-guests');
  const { refreshToken } = old.body.tokens;
  expect((await callApi(server.url, 'POST', '/auth/refresh', { refreshToken })).body.code).toBe(
    'auth.refresh_invalid',
  );
  const renewed = await callApi(server.url, 'POST', '/auth/refresh', {
    refreshToken: young.body.tokens.refreshToken,
  });
  expect(renewed.status).toBe(200);
  const authorization = `Bearer ${renewed.body.tokens.accessToken}`;
  expect((await callApi(server.url, 'GET', '/auth/me', undefined, { authorization })).status).toBe(200);
  expect(await membersOf(shared)).toHaveLength(1);
});

test('a guest that others need as the owner of their workspace stays, and keeps no other guest here', async () => {
  await using other = await startTestServer({ clock });
  const call = (token: string, method: string, path: string, body?: unknown) =>
    callApi(other.url, method, path, body, { authorization: `Bearer ${token}` });
  const come = async (path: string, body: object) =>
    (await callApi(other.url, 'POST', path, body)).body.tokens;
  const host = await come('/auth/signup', { email: newEmail(), password });
  const [needed, alone] = [await come('/auth/guest', {}), await come('/auth/guest', {})];
  const { id } = (await call(host.accessToken, 'POST', '/workspaces', { name: 'Shared' })).body;
  const invitation = { email: newEmail(), role: 'owner' };
  const invited = await call(host.accessToken, 'POST', `/workspaces/${id}/invitations`, invitation);
  const { token } = invited.body;
  await call(needed.accessToken, 'POST', '/workspaces/invitations/accept', { token });
  const me = (await call(host.accessToken, 'GET', '/auth/me')).body.account.id;
  const demoted = await call(host.accessToken, 'PATCH', `/workspaces/${id}/members/${me}`, {
    role: 'member',
  });
  expect(demoted.status).toBe(200);
  clock.forward(29.5 * dayMs);
  const kept = await Promise.all(
    [needed, alone].map(({ refreshToken }) => come('/auth/refresh', { refreshToken })),
  );
  clock.forward(dayMs);
  await other.runJob('identity.expire-guests');
  const statuses = kept.map(
    async ({ refreshToken }) => (await callApi(other.url, 'POST', '/auth/refresh', { refreshToken })).status,
  );
  expect(await Promise.all(statuses)).toEqual([200, 401]);
});

test('a guest makes no workspaces, in which its tight limits would not hold', async () => {
  const guest = await newGuest();
  expect(await guest.call('POST', '/workspaces', { name: 'More' })).toMatchObject({
    status: 403,
    body: { code: 'workspace.guest_forbidden' },
  });
});

test('the token of a removed guest is refused on its next request', async () => {
  await using other = await startTestServer({ clock, env: { ALCOVE_LIMIT_GUEST_DAYS: '1' } });
  const { body } = await callApi(other.url, 'POST', '/auth/guest', {});
  clock.forward(dayMs - 60_000);
  const { refreshToken } = body.tokens;
  const renewed = (await callApi(other.url, 'POST', '/auth/refresh', { refreshToken })).body.tokens;
  const me = () =>
    callApi(other.url, 'GET', '/auth/me', undefined, { authorization: `Bearer ${renewed.accessToken}` });
  expect((await me()).status).toBe(200);
  clock.forward(120_000);
  await other.runJob('identity.expire-guests');
  expect((await me()).body.code).toBe('auth.session_ended');
});
