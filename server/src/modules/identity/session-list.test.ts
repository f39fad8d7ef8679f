import { logEntryHash, pairingClaimText } from '@alcove/contract/keys';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  asPerson,
  callApi,
  createTestClock,
  createTestDevice,
  type Person,
  registerPerson,
  startTestServer,
  type TestServer,
  wrappedKey,
} from '../../testing/index.ts';

const clock = createTestClock();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterAll(() => server.close());

/** One account that is signed in at two devices. */
async function twoSessions(): Promise<[Person, Person]> {
  const laptop = await registerPerson(server.url);
  await laptop.mintFirstEpoch();
  const keys = createTestDevice('Phone');
  const started = await callApi(server.url, 'POST', '/auth/pairings', { device: keys.input });
  const { id, challenge } = started.body;
  const deviceId = (await laptop.call('GET', `/auth/pairings/${id}`)).body.device.id;
  const [genesis] = (await laptop.call('GET', '/sync/keys')).body.log;
  const previousHash = await logEntryHash(genesis);
  const endorsement = await laptop.signEntry({ action: 'add', deviceId, previousHash }, keys);
  const keyShares = [{ epoch: 1, wrapped: wrappedKey() }];
  await laptop.call('POST', '/auth/pair-device', { pairingId: id, keyShares, endorsement });
  const signature = keys.sign(pairingClaimText(id, challenge));
  const claimed = await callApi(server.url, 'POST', `/auth/pairings/${id}/claim`, { signature });
  return [laptop, asPerson(server.url, keys, claimed.body)];
}

test('an account sees where it is signed in, from which device, and which session is this one', async () => {
  const ada = await registerPerson(server.url);
  const { status, body } = await ada.call('GET', '/auth/sessions', undefined, { 'user-agent': 'ignored' });
  expect(status).toBe(200);
  expect(body.data).toEqual([
    {
      id: (await ada.call('GET', '/auth/me')).body.session.id,
      createdAt: expect.any(String),
      lastSeenAt: null,
      userAgent: expect.any(String),
      current: true,
      device: { id: ada.device.id, name: 'Laptop', platform: 'cli' },
    },
  ]);
});

test('ending one session leaves the others, and ends it on the very next request', async () => {
  const [laptop, phone] = await twoSessions();
  const { data } = (await laptop.call('GET', '/auth/sessions')).body;
  expect(data.map(({ current }: { current: boolean }) => current)).toEqual([false, true]);
  expect(data[0].device.name).toBe('Phone');
  const other = data.find(({ current }: { current: boolean }) => !current).id;
  expect((await laptop.call('DELETE', `/auth/sessions/${other}`)).status).toBe(204);
  expect((await phone.call('GET', '/auth/me')).body.code).toBe('auth.session_ended');
  const { refreshToken } = phone.tokens;
  expect((await callApi(server.url, 'POST', '/auth/refresh', { refreshToken })).status).toBe(401);
  expect((await laptop.call('GET', '/auth/sessions')).body.data).toHaveLength(1);
  expect((await laptop.call('DELETE', `/auth/sessions/${other}`)).body.code).toBe('session.not_found');
});

test("somebody else's session is answered like one that never was", async () => {
  const [ada, eve] = [await registerPerson(server.url), await registerPerson(server.url)];
  const [{ id }] = (await ada.call('GET', '/auth/sessions')).body.data;
  const [foreign, absent] = [
    await eve.call('DELETE', `/auth/sessions/${id}`),
    await eve.call('DELETE', '/auth/sessions/00000000-0000-7000-8000-000000000000'),
  ];
  expect(foreign.status).toBe(404);
  expect({ ...foreign.body, requestId: '' }).toEqual({ ...absent.body, requestId: '' });
  expect((await ada.call('GET', '/auth/me')).status).toBe(200);
});

test('logging out everywhere leaves no session', async () => {
  const [laptop, phone] = await twoSessions();
  expect((await laptop.call('POST', '/auth/logout', { everywhere: true })).status).toBe(204);
  for (const person of [laptop, phone])
    expect((await person.call('GET', '/auth/sessions')).body.code).toBe('auth.session_ended');
});

test('a session that can no longer be refreshed is not listed', async () => {
  const [laptop] = await twoSessions();
  clock.forward(20 * 24 * 3_600_000);
  const { refreshToken } = laptop.tokens;
  const { body } = await callApi(server.url, 'POST', '/auth/refresh', { refreshToken });
  clock.forward(11 * 24 * 3_600_000);
  const again = await callApi(server.url, 'POST', '/auth/refresh', {
    refreshToken: body.tokens.refreshToken,
  });
  const authorization = `Bearer ${again.body.tokens.accessToken}`;
  const listed = await callApi(server.url, 'GET', '/auth/sessions', undefined, { authorization });
  expect(listed.body.data).toEqual([expect.objectContaining({ current: true })]);
});

test('ending a session is in the audit log', async () => {
  const [laptop, phone] = await twoSessions();
  const [, { id }] = (await phone.call('GET', '/auth/sessions')).body.data;
  await phone.call('DELETE', `/auth/sessions/${id}`);
  const { data } = (await phone.call('GET', '/audit/logs?action=session.ended')).body;
  expect(data).toEqual([
    expect.objectContaining({ target: `session:${id}`, actor: `account:${laptop.account.id}` }),
  ]);
});

test('sessions are listed page by page, each of them once', async () => {
  const [laptop] = await twoSessions();
  const first = (await laptop.call('GET', '/auth/sessions?limit=1')).body;
  const rest = (await laptop.call('GET', `/auth/sessions?limit=1&cursor=${first.nextCursor}`)).body;
  expect(new Set([...first.data, ...rest.data].map(({ id }) => id)).size).toBe(2);
  expect(rest.nextCursor).toBeNull();
});
