import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Answer,
  callApi,
  createTestClock,
  type Person,
  registerPerson,
  startTestServer,
  type TestServer,
  waitForLetter,
} from '../../testing/index.ts';

const dayMs = 24 * 3_600_000;
const clock = createTestClock();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    clock,
    env: {
      ALCOVE_LIMIT_WORKSPACES_OWNED: '2',
      ALCOVE_LIMIT_WORKSPACE_MEMBERS: '4',
      ALCOVE_LIMIT_WORKSPACE_INVITATIONS: '3',
      ALCOVE_APP_URL: 'https://app.example',
    },
  });
});
afterAll(() => server.close());

const person = () => registerPerson(server.url);
const at = (id: string, rest = '') => `/workspaces/${id}${rest}`;
let addresses = 0;
const address = () => `person${++addresses}@example.com`;

async function makeWorkspace(owner: Person): Promise<string> {
  const answer = await owner.call('POST', '/workspaces', { name: 'Garden' });
  expect(answer.status).toBe(201);
  return answer.body.id;
}

const invite = (by: Person, id: string, role: string, email = address()) =>
  by.call('POST', at(id, '/invitations'), { email, role });
const accept = (who: Person, token: string) => who.call('POST', '/workspaces/invitations/accept', { token });
const setRole = (by: Person, id: string, whom: Person, role: string) =>
  by.call('PATCH', at(id, `/members/${whom.account.id}`), { role });
const remove = (by: Person, id: string, whom: Person) =>
  by.call('DELETE', at(id, `/members/${whom.account.id}`));

/** A new person who belongs to the workspace, by an invitation of its owner. */
async function addMember(owner: Person, id: string, role: string): Promise<Person> {
  const [newcomer, invitation] = [await person(), await invite(owner, id, role)];
  expect((await accept(newcomer, invitation.body.token)).status).toBe(200);
  return newcomer;
}

const expectProblem = (answer: Answer, status: number, code: string) =>
  expect(answer).toMatchObject({ status, body: { code } });

test('a workspace is made, listed beside the personal one, renamed and deleted', async () => {
  const ada = await person();
  const id = await makeWorkspace(ada);
  expect((await ada.call('GET', at(id))).body).toMatchObject({
    id,
    name: 'Garden',
    role: 'owner',
    personal: false,
  });
  const { body } = await ada.call('GET', '/workspaces');
  expect(body.nextCursor).toBeNull();
  expect(body.data).toMatchObject([
    { id: ada.workspace.id, personal: true },
    { id, personal: false },
  ]);
  expect((await ada.call('PATCH', at(id), { name: 'Yard' })).body.name).toBe('Yard');
  expect((await ada.call('DELETE', at(id))).status).toBe(204);
  expectProblem(await ada.call('GET', at(id)), 404, 'workspace.not_found');
});

test('the list of workspaces is read page by page', async () => {
  const ada = await person();
  const id = await makeWorkspace(ada);
  const first = await ada.call('GET', '/workspaces?limit=1');
  expect(first.body).toMatchObject({ data: [{ id: ada.workspace.id }], nextCursor: ada.workspace.id });
  const second = await ada.call('GET', `/workspaces?limit=1&cursor=${first.body.nextCursor}`);
  expect(second.body).toMatchObject({ data: [{ id }], nextCursor: null });
});

test('an account owns no more workspaces than it may, also when it asks many times at once', async () => {
  const ada = await person();
  const make = () => ada.call('POST', '/workspaces', { name: 'Garden' });
  const answers = await Promise.all(Array.from({ length: 6 }, make));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(2);
  expectProblem(await make(), 409, 'workspace.too_many');
});

test.each(['', 'a\nb', 'x'.repeat(101)])('the name %j is refused', async (name) => {
  expectProblem(await (await person()).call('POST', '/workspaces', { name }), 400, 'request.invalid');
});

describe('each role may do what is its own, and no more', () => {
  const roles = ['viewer', 'member', 'admin', 'owner'] as const;
  let workspaceId: string;
  const people = new Map<string, Person>();
  beforeAll(async () => {
    const owner = await person();
    workspaceId = await makeWorkspace(owner);
    people.set('owner', owner);
    for (const role of ['viewer', 'member', 'admin'])
      people.set(role, await addMember(owner, workspaceId, role));
    people.set('outsider', await person());
  });

  type Call = readonly [method: string, path: string, body?: unknown];
  const nobody = '00000000-0000-7000-8000-000000000000';
  /** What each call answers to whoever may make it, and from which role on. */
  const rules: readonly (readonly [least: (typeof roles)[number], status: number, call: Call])[] = [
    ['viewer', 200, ['GET', '']],
    ['viewer', 200, ['GET', '/members']],
    ['viewer', 200, ['GET', '/quota']],
    ['admin', 200, ['PATCH', '', { name: 'Garden' }]],
    ['admin', 200, ['GET', '/invitations']],
    ['admin', 404, ['DELETE', `/invitations/${nobody}`]],
    ['admin', 404, ['PATCH', `/members/${nobody}`, { role: 'member' }]],
    ['admin', 404, ['DELETE', `/members/${nobody}`]],
    ['owner', 403, ['DELETE', '']],
  ];
  const cases = rules.flatMap(([least, status, call]) =>
    roles.map((role) => ({ role, may: roles.indexOf(role) >= roles.indexOf(least), status, call })),
  );

  test.each(cases.filter(({ call: [method, path] }) => method !== 'DELETE' || path !== ''))(
    '$role: $call.0 $call.1 → allowed: $may',
    async ({ role, may, status, call: [method, path, body] }) => {
      const answer = await people.get(role)?.call(method, at(workspaceId, path), body);
      if (may) expect(answer?.status).toBe(status);
      else expect(answer).toMatchObject({ status: 403, body: { code: 'auth.forbidden' } });
    },
  );

  test.each(rules)(
    'from %s on (%i), and to an outsider it is not there: %j',
    async (_least, _status, call) => {
      const [method, path, body] = call;
      const answer = await people.get('outsider')?.call(method, at(workspaceId, path), body);
      expect(answer).toMatchObject({ status: 404, body: { code: 'workspace.not_found' } });
    },
  );

  test.each(['viewer', 'member', 'admin'])('%s cannot delete the workspace', async (role) => {
    const answer = await people.get(role)?.call('DELETE', at(workspaceId));
    expect(answer).toMatchObject({ status: 403, body: { code: 'auth.forbidden' } });
  });
});

describe('invitations', () => {
  test('whoever has the token becomes a member with its role, once, and asking again is answered the same', async () => {
    const [ada, bob, eve] = [await person(), await person(), await person()];
    const id = await makeWorkspace(ada);
    const { status, body } = await invite(ada, id, 'member', ' Bob@Example.COM');
    expect(status).toBe(400);
    expect(body.errors).toMatchObject([{ pointer: '/email' }]);
    const invitation = await invite(ada, id, 'member', 'Bob@Example.COM');
    expect(invitation).toMatchObject({ status: 201, body: { email: 'bob@example.com', role: 'member' } });
    expect(invitation.body.url).toBe(`https://app.example/accept-invitation#token=${invitation.body.token}`);
    const accepted = await accept(bob, invitation.body.token);
    expect(accepted).toMatchObject({ status: 200, body: { id, role: 'member', personal: false } });
    expect((await accept(bob, invitation.body.token)).body).toEqual(accepted.body);
    expectProblem(await accept(eve, invitation.body.token), 404, 'invitation.not_found');
    expect((await ada.call('GET', at(id, '/members'))).body.data).toHaveLength(2);
    expect((await ada.call('GET', at(id, '/invitations'))).body.data).toEqual([]);
  });

  test('of many who accept one invitation at once, one becomes a member', async () => {
    const ada = await person();
    const id = await makeWorkspace(ada);
    const { token } = (await invite(ada, id, 'viewer')).body;
    const people = await Promise.all(Array.from({ length: 4 }, person));
    const answers = await Promise.all(people.map((one) => accept(one, token)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 404, 404, 404]);
  });

  test('one is open for each address; withdrawn, its token is worth nothing', async () => {
    const [ada, bob] = [await person(), await person()];
    const id = await makeWorkspace(ada);
    const first = await invite(ada, id, 'member', 'carol@example.com');
    expectProblem(await invite(ada, id, 'member', 'CAROL@example.com'), 409, 'invitation.exists');
    const withdraw = () => ada.call('DELETE', at(id, `/invitations/${first.body.id}`));
    expect((await withdraw()).status).toBe(204);
    expectProblem(await withdraw(), 404, 'invitation.not_found');
    expectProblem(await accept(bob, first.body.token), 404, 'invitation.not_found');
    expect((await invite(ada, id, 'member', 'carol@example.com')).status).toBe(201);
  });

  test('after seven days it is gone, and its address can be invited anew', async () => {
    const [ada, bob] = [await person(), await person()];
    const id = await makeWorkspace(ada);
    const late = await invite(ada, id, 'member', 'dan@example.com');
    clock.forward(7 * dayMs + 1000);
    const [again, newcomer] = [await signInAgain(ada), await signInAgain(bob)];
    expectProblem(await accept(newcomer, late.body.token), 410, 'invitation.expired');
    expect((await again.call('GET', at(id, '/invitations'))).body.data).toEqual([]);
    expect((await invite(again, id, 'member', 'dan@example.com')).status).toBe(201);
  });

  test('an admin cannot invite an owner', async () => {
    const ada = await person();
    const id = await makeWorkspace(ada);
    const admin = await addMember(ada, id, 'admin');
    expectProblem(await invite(admin, id, 'owner'), 403, 'auth.forbidden');
  });

  test('a member cannot accept another invitation, and leaves it open for whom it is meant', async () => {
    const ada = await person();
    const id = await makeWorkspace(ada);
    const { token } = (await invite(ada, id, 'viewer')).body;
    expectProblem(await accept(ada, token), 409, 'member.exists');
    expect((await accept(await person(), token)).status).toBe(200);
  });

  test('no more are open, and nobody more gets in, than the limits say', async () => {
    const ada = await person();
    const id = await makeWorkspace(ada);
    const tokens: string[] = [];
    for (let i = 0; i < 3; i++) tokens.push((await invite(ada, id, 'viewer')).body.token);
    expectProblem(await invite(ada, id, 'viewer'), 409, 'invitation.too_many');
    for (const token of tokens) expect((await accept(await person(), token)).status).toBe(200);
    const last = await invite(ada, id, 'viewer');
    expectProblem(await accept(await person(), last.body.token), 409, 'member.too_many');
    expect((await ada.call('GET', at(id, '/quota'))).body).toEqual({
      limits: { members: 4, invitations: 3, storageBytes: 10 * 2 ** 30 },
      used: { members: 4, invitations: 1, storageBytes: 0 },
    });
  });
});

describe('members', () => {
  test('see each other, page by page', async () => {
    const ada = await person();
    const id = await makeWorkspace(ada);
    const bob = await addMember(ada, id, 'viewer');
    const first = await bob.call('GET', at(id, '/members?limit=1'));
    const second = await bob.call('GET', at(id, `/members?limit=1&cursor=${first.body.nextCursor}`));
    expect(second.body.nextCursor).toBeNull();
    expect([...first.body.data, ...second.body.data]).toMatchObject([
      { accountId: ada.account.id, role: 'owner', email: null },
      { accountId: bob.account.id, role: 'viewer', email: null },
    ]);
  });

  test('a changed role holds on the very next request', async () => {
    const ada = await person();
    const id = await makeWorkspace(ada);
    const bob = await addMember(ada, id, 'admin');
    expect((await bob.call('PATCH', at(id), { name: 'Bob' })).status).toBe(200);
    expect((await setRole(ada, id, bob, 'viewer')).body).toMatchObject({ role: 'viewer' });
    expectProblem(await bob.call('PATCH', at(id), { name: 'Bob' }), 403, 'auth.forbidden');
    expect((await remove(ada, id, bob)).status).toBe(204);
    expectProblem(await bob.call('GET', at(id)), 404, 'workspace.not_found');
    const named = await bob.call('GET', '/auth/me', undefined, { 'alcove-workspace': id });
    expectProblem(named, 404, 'workspace.not_found');
  });

  test('an admin neither changes nor removes an owner, nor makes one', async () => {
    const ada = await person();
    const id = await makeWorkspace(ada);
    const [admin, other] = [await addMember(ada, id, 'admin'), await addMember(ada, id, 'member')];
    expectProblem(await setRole(admin, id, ada, 'viewer'), 403, 'auth.forbidden');
    expectProblem(await remove(admin, id, ada), 403, 'auth.forbidden');
    expectProblem(await setRole(admin, id, other, 'owner'), 403, 'auth.forbidden');
    expect((await setRole(admin, id, other, 'admin')).status).toBe(200);
  });

  test('every member may leave, and the last owner may not', async () => {
    const ada = await person();
    const id = await makeWorkspace(ada);
    const bob = await addMember(ada, id, 'viewer');
    expectProblem(await remove(bob, id, ada), 403, 'auth.forbidden');
    expect((await remove(bob, id, bob)).status).toBe(204);
    expectProblem(await remove(ada, id, ada), 409, 'workspace.last_owner');
    expectProblem(await setRole(ada, id, ada, 'member'), 409, 'workspace.last_owner');
  });

  test('two owners who step down, remove or demote each other at once leave one behind', async () => {
    const steps: readonly ((by: Person, id: string, other: Person) => Promise<Answer>)[] = [
      (by, id) => remove(by, id, by),
      (by, id) => setRole(by, id, by, 'member'),
      (by, id, other) => remove(by, id, other),
      (by, id, other) => setRole(by, id, other, 'viewer'),
    ];
    for (const step of steps) {
      const ada = await person();
      const id = await makeWorkspace(ada);
      const bob = await addMember(ada, id, 'owner');
      const answers = await Promise.all([step(ada, id, bob), step(bob, id, ada)]);
      expect(answers.filter(({ status }) => status < 300)).toHaveLength(1);
      const seen = await Promise.all([ada, bob].map((one) => one.call('GET', at(id, '/members'))));
      const members = seen.find(({ status }) => status === 200)?.body.data;
      expect(members.filter(({ role }: { role: string }) => role === 'owner')).toHaveLength(1);
    }
  });
});

test('a personal workspace is neither deleted nor left, and its person stays its owner', async () => {
  const ada = await person();
  const { id } = ada.workspace;
  expectProblem(await ada.call('DELETE', at(id)), 409, 'workspace.personal');
  const bob = await addMember(ada, id, 'owner');
  expectProblem(await bob.call('DELETE', at(id)), 409, 'workspace.personal');
  expectProblem(await remove(ada, id, ada), 409, 'workspace.personal');
  expectProblem(await setRole(bob, id, ada, 'viewer'), 409, 'workspace.personal');
  expect((await remove(bob, id, bob)).status).toBe(204);
});

test('a workspace that is deleted while others change it is gone for them, and no call fails otherwise', async () => {
  const ada = await person();
  const id = await makeWorkspace(ada);
  const bob = await addMember(ada, id, 'admin');
  const calls = Array.from({ length: 12 }, (_, i) => async () => {
    if (i === 6) return ada.call('DELETE', at(id));
    return i % 2 === 0 ? bob.call('PATCH', at(id), { name: `Garden ${i}` }) : invite(bob, id, 'viewer');
  });
  const answers = await Promise.all(calls.map((call) => call()));
  const statuses = new Set(answers.map(({ status }) => status));
  expect([...statuses].filter((status) => ![200, 201, 204, 404, 409].includes(status))).toEqual([]);
  expectProblem(await bob.call('GET', at(id)), 404, 'workspace.not_found');
});

test('an invitation is mailed, with the link that accepts it and nothing for the log to tell', async () => {
  const [ada, to] = [await person(), address()];
  const id = await makeWorkspace(ada);
  const { url } = (await invite(ada, id, 'viewer', to)).body;
  const letter = await waitForLetter(server, to, /^You are invited to the workspace "Garden"$/);
  expect(letter).toContain(`\n${url}\n`);
});

describe('an API key', () => {
  let ada: Person;
  let id: string;
  beforeAll(async () => {
    ada = await person();
    id = await makeWorkspace(ada);
  });

  async function callWithKey(scopes: readonly string[], method: string, path: string, body?: unknown) {
    const headers = { 'alcove-workspace': id };
    const key = await ada.call('POST', '/auth/api-keys', { name: 'Robot', scopes }, headers);
    const authorization = `Bearer ${key.body.secret}`;
    return callApi(server.url, method, path, body, { authorization });
  }

  test('lists the one workspace that it acts for', async () => {
    const { body } = await callWithKey(['workspaces:read'], 'GET', '/workspaces');
    expect(body).toMatchObject({ data: [{ id, role: 'admin', personal: false }], nextCursor: null });
  });

  test.each([
    [['workspaces:read'], 'PATCH', '', { name: 'Yard' }, 403, 'auth.scope_missing'],
    [['workspaces:write'], 'GET', '', undefined, 403, 'auth.scope_missing'],
    [['*'], 'DELETE', '', undefined, 403, 'auth.forbidden'],
    [['*'], 'POST', '/invitations', { email: 'x@example.com', role: 'owner' }, 403, 'auth.forbidden'],
  ])('with %j may not %s %s', async (scopes, method, path, body, status, code) => {
    expectProblem(await callWithKey(scopes, method, at(id, path), body), status, code);
  });

  test('does what an admin does, under its own name', async () => {
    const body = { email: address(), role: 'viewer' };
    const answer = await callWithKey(['workspaces:write'], 'POST', at(id, '/invitations'), body);
    expect(answer.status).toBe(201);
    const { data } = (await ada.call('GET', '/audit/logs', undefined, { 'alcove-workspace': id })).body;
    expect(data[0]).toMatchObject({ action: 'invitation.created', actor: expect.stringMatching(/^key:/) });
  });

  test('can neither make a workspace nor accept an invitation', async () => {
    const make = await callWithKey(['*'], 'POST', '/workspaces', { name: 'Yard' });
    expectProblem(make, 403, 'auth.account_required');
    const join = await callWithKey(['*'], 'POST', '/workspaces/invitations/accept', { token: 'x' });
    expectProblem(join, 403, 'auth.account_required');
  });
});

test('the same request in another workspace is another request, also with the same Idempotency-Key', async () => {
  const ada = await person();
  const id = await makeWorkspace(ada);
  const makeKey = (workspaceId: string) =>
    ada.call(
      'POST',
      '/auth/api-keys',
      { name: 'Robot', scopes: ['*'] },
      { 'alcove-workspace': workspaceId, 'idempotency-key': 'same' },
    );
  const [here, there] = [await makeKey(ada.workspace.id), await makeKey(id)];
  expect([here.status, there.status]).toEqual([201, 201]);
  expect(there.body.id).not.toBe(here.body.id);
});

test('a repeated request with an Idempotency-Key makes one workspace', async () => {
  const ada = await person();
  const headers = { 'idempotency-key': 'once' };
  const make = () => ada.call('POST', '/workspaces', { name: 'Garden' }, headers);
  const [first, again] = [await make(), await make()];
  expect(again.headers.get('idempotency-replayed')).toBe('true');
  expect(again.body).toEqual(first.body);
  expect((await ada.call('GET', '/workspaces')).body.data).toHaveLength(2);
});

/** The same device after its access token has run out. */
async function signInAgain(one: Person): Promise<Person> {
  const { body } = await one.call('POST', '/auth/refresh', { refreshToken: one.tokens.refreshToken });
  const authorization = `Bearer ${body.tokens.accessToken}`;
  return {
    ...one,
    tokens: body.tokens,
    call: (method, path, sent, headers) => one.call(method, path, sent, { authorization, ...headers }),
  };
}
