import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { accountDeletionText } from '@alcove/contract/account';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { createLogger } from '../../../platform/telemetry/index.ts';
import {
  type Answer,
  asPerson,
  callApi,
  createTestClock,
  createTestDevice,
  type Person,
  registerPerson,
  startTestServer,
  type TestServer,
} from '../../../testing/index.ts';

const clock = createTestClock();
const password = 'seventeen green otters';
const warnings: string[] = [];
const log = createLogger({
  level: 'warn',
  human: false,
  write: (line) => void warnings.push(JSON.parse(line).msg),
});
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock, log });
});
afterAll(() => server.close());

let people = 0;
async function signup() {
  const email = `leaving-${++people}@example.com`;
  const { body } = await callApi(server.url, 'POST', '/auth/signup', { email, password });
  const headers = { authorization: `Bearer ${body.tokens.accessToken}` };
  const call = (method: string, path: string, sent?: unknown) =>
    callApi(server.url, method, path, sent, headers);
  return { email, accountId: String(body.account.id), call };
}

async function proofOf(person: Person, keys = person.keys) {
  const { status, body } = await person.call('POST', '/auth/me/challenge');
  expect(status).toBe(201);
  return { challenge: body.challenge, signature: keys.sign(accountDeletionText(body.challenge)) };
}

const leave = async (person: Person): Promise<Answer> =>
  person.call('DELETE', '/auth/me', await proofOf(person));

async function write(person: Person): Promise<void> {
  expect((await person.mintFirstEpoch()).status).toBe(200);
  const change = {
    id: `entry-${randomUUID()}`,
    kind: 'entry',
    op: 'put',
    clock: { [person.device.id]: 1 },
    time: '2026-11-20T07:16:00.123Z-0000',
    epoch: 1,
    payload: 'AAAA',
  };
  const { body } = await person.call('POST', '/sync/push', { changes: [change] });
  expect(body.results[0].status).toBe('applied');
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

const vaultFiles = async () =>
  (await filesBelow(join(server.dataDir, 'vaults'))).filter((file) => file.endsWith('.db'));

/** The files that hold the text, in any of the spellings in which a database may keep an id. */
async function filesWith(id: string): Promise<string[]> {
  const spellings = [Buffer.from(id), Buffer.from(id.replaceAll('-', ''), 'hex')];
  const found: string[] = [];
  for (const file of await filesBelow(server.dataDir)) {
    const bytes = await readFile(file);
    if (spellings.some((spelling) => bytes.includes(spelling))) found.push(file);
  }
  return found;
}

test('with the signature of its device an account goes, and its session, workspace and vault with it', async () => {
  const ada = await registerPerson(server.url);
  await write(ada);
  const before = await vaultFiles();
  expect(await leave(ada)).toMatchObject({ status: 202, body: { deleted: true } });
  expect((await ada.call('GET', '/auth/me')).body.code).toBe('auth.session_ended');
  const refreshed = await callApi(server.url, 'POST', '/auth/refresh', {
    refreshToken: ada.tokens.refreshToken,
  });
  expect(refreshed.body.code).toBe('auth.refresh_invalid');
  await vi.waitFor(async () => expect(await vaultFiles()).toHaveLength(before.length - 1), 5000);
});

test('with its password an account goes, and the mail address is free again', async () => {
  const ada = await signup();
  expect((await ada.call('DELETE', '/auth/me', { password })).status).toBe(202);
  expect((await ada.call('GET', '/auth/me')).status).toBe(401);
  const again = await callApi(server.url, 'POST', '/auth/signup', { email: ada.email, password });
  expect(again.status).toBe(201);
  expect(again.body.account.id).not.toBe(ada.accountId);
});

test('nothing in the data folder names the account any more, on the embedded database not even its files and log', async () => {
  const ada = await registerPerson(server.url);
  await write(ada);
  const key = await ada.call('PATCH', '/auth/me', { displayName: 'Ada' }, { 'idempotency-key': 'kept' });
  expect(key.status).toBe(200);
  await ada.call('GET', '/audit/logs');
  if (server.databaseUrl === undefined) expect(await filesWith(ada.account.id)).not.toEqual([]);
  expect((await leave(ada)).status).toBe(202);
  clock.forward(5 * 60_000);
  await server.restart();
  await vi.waitFor(async () => expect(await filesWith(ada.account.id)).toEqual([]), {
    timeout: 15_000,
    interval: 250,
  });
  await server.restart();
  expect(await filesWith(ada.account.id)).toEqual([]);
});

test.each<[string, (ada: Person) => Promise<object>, number, string]>([
  ['no proof', async () => ({}), 403, 'auth.proof_required'],
  ['half a proof', async () => ({ challenge: 'x' }), 403, 'auth.proof_required'],
  ['a password it does not have', async () => ({ password }), 409, 'auth.no_password'],
  [
    'a challenge that was never given out',
    async (ada) => ({ challenge: 'x', signature: ada.keys.sign(accountDeletionText('x')) }),
    403,
    'auth.challenge_invalid',
  ],
  ["another device's signature", (ada) => proofOf(ada, createTestDevice()), 401, 'auth.bad_signature'],
  [
    'a signature over another text',
    async (ada) => {
      const { challenge } = await proofOf(ada);
      return { challenge, signature: ada.keys.sign(challenge) };
    },
    401,
    'auth.bad_signature',
  ],
  [
    'a challenge of somebody else',
    async (ada) => {
      const { challenge } = await proofOf(await registerPerson(server.url));
      return { challenge, signature: ada.keys.sign(accountDeletionText(challenge)) };
    },
    403,
    'auth.challenge_invalid',
  ],
  [
    'a challenge older than five minutes',
    async (ada) => {
      const proof = await proofOf(ada);
      clock.forward(300_001);
      return proof;
    },
    403,
    'auth.challenge_invalid',
  ],
])('with %s nothing is deleted', async (_, proof, status, code) => {
  const ada = await registerPerson(server.url);
  expect(await ada.call('DELETE', '/auth/me', await proof(ada))).toMatchObject({ status, body: { code } });
  expect((await ada.call('GET', '/auth/me')).status).toBe(200);
});

test('with a wrong password nothing is deleted', async () => {
  const ada = await signup();
  const refused = await ada.call('DELETE', '/auth/me', { password: 'wrong' });
  expect(refused).toMatchObject({ status: 403, body: { code: 'auth.wrong_password' } });
  expect((await ada.call('GET', '/auth/me')).status).toBe(200);
});

test('a challenge is signed once, also when the signature was wrong', async () => {
  const ada = await registerPerson(server.url);
  const proof = await proofOf(ada);
  const wrong = { ...proof, signature: ada.keys.sign('something else') };
  expect((await ada.call('DELETE', '/auth/me', wrong)).body.code).toBe('auth.bad_signature');
  expect((await ada.call('DELETE', '/auth/me', proof)).body.code).toBe('auth.challenge_invalid');
});

/** A workspace of the first that the second belongs to. */
async function share(ada: Person, bob: Awaited<ReturnType<typeof signup>>, role: string): Promise<string> {
  const { body } = await ada.call('POST', '/workspaces', { name: 'Shared' });
  const invited = await ada.call('POST', `/workspaces/${body.id}/invitations`, { email: bob.email, role });
  const accepted = await bob.call('POST', '/workspaces/invitations/accept', { token: invited.body.token });
  expect(accepted.status).toBeLessThan(300);
  return body.id;
}

test('the last owner of a workspace that others belong to is told which, and stays', async () => {
  const [ada, bob] = [await registerPerson(server.url), await signup()];
  const id = await share(ada, bob, 'admin');
  const refused = await leave(ada);
  expect(refused).toMatchObject({ status: 409, body: { code: 'auth.last_owner' } });
  expect(refused.body.workspaces).toEqual([{ id, name: 'Shared' }]);
  expect((await ada.call('GET', '/auth/me')).status).toBe(200);
});

test('where another owner stays, the workspace stays, and its log says that a member left', async () => {
  const [ada, bob] = [await registerPerson(server.url), await signup()];
  const id = await share(ada, bob, 'owner');
  const ownOnly = await ada.call('POST', '/workspaces', { name: 'Mine alone' });
  expect(ownOnly.status).toBe(201);
  expect((await leave(ada)).status).toBe(202);
  const members = await bob.call('GET', `/workspaces/${id}/members`);
  expect(members.body.data.map(({ accountId }: { accountId: string }) => accountId)).toEqual([bob.accountId]);
  const log = await callApi(server.url, 'GET', `/audit/logs?action=member.removed`, undefined, {
    ...(await authorizationOf(bob.email)),
    'alcove-workspace': id,
  });
  expect(log.body.data).toMatchObject([{ target: `account:${ada.account.id}` }]);
});

async function authorizationOf(email: string) {
  const { body } = await callApi(server.url, 'POST', '/auth/login', { email, password });
  return { authorization: `Bearer ${body.tokens.accessToken}` };
}

test('a vault that cannot be removed now is removed later, also after the service was stopped in between', async () => {
  const ada = await registerPerson(server.url);
  const others = await vaultFiles();
  await write(ada);
  const [file = ''] = (await vaultFiles()).filter((name) => !others.includes(name));
  await server.stop();
  // A folder in the place of the file cannot be removed as a file.
  await rm(file);
  await mkdir(join(file, 'in-the-way'), { recursive: true });
  await server.restart();
  expect((await leave(asPerson(server.url, ada.keys, ada))).status).toBe(202);
  await vi.waitFor(() => expect(warnings).toContain('something is still to be removed'), 5000);
  expect(await readdir(file)).toEqual(['in-the-way']);
  await rm(file, { recursive: true });
  await writeFile(file, 'ciphertext');
  clock.forward(24 * 3_600_000);
  await server.restart();
  await vi.waitFor(async () => expect(await vaultFiles()).not.toContain(file), 5000);
});
