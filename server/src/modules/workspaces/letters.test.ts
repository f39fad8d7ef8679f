/** Whoever may write to others by way of us could have us flood a mailbox. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  callApi,
  createTestClock,
  type Person,
  registerPerson,
  startTestServer,
  type TestServer,
} from '../../testing/index.ts';

const clock = createTestClock();
const perDay = 20;
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterAll(() => server.close());

async function invite(person: Person, email: string): Promise<number> {
  const path = `/workspaces/${person.workspace.id}/invitations`;
  const { status, body } = await person.call('POST', path, { email, role: 'viewer' });
  if (status === 201) expect((await person.call('DELETE', `${path}/${body.id}`)).status).toBe(204);
  return status;
}

test('inviting and withdrawing over and over, from several accounts, sends one address only so many letters a day', async () => {
  const [ada, eve] = [await registerPerson(server.url), await registerPerson(server.url)];
  const statuses: number[] = [];
  for (let round = 0; round <= perDay; round += 1)
    statuses.push(await invite(round % 2 === 0 ? ada : eve, 'flooded@example.com'));
  expect(statuses).toEqual([...Array(perDay).fill(201), 429]);
  expect(await invite(ada, 'another@example.com')).toBe(201);
  await server.runJob('mail.sweep-counts');
  expect(await invite(ada, 'Flooded@example.com')).toBe(429);
  clock.forward(24 * 3_600_000 + 1);
  await server.runJob('mail.sweep-counts');
  const again = await callApi(server.url, 'POST', '/auth/refresh', { refreshToken: ada.tokens.refreshToken });
  expect(again.status).toBe(200);
  const headers = { authorization: `Bearer ${again.body.tokens.accessToken}` };
  const path = `/workspaces/${ada.workspace.id}/invitations`;
  const later = { email: 'flooded@example.com', role: 'viewer' };
  expect((await callApi(server.url, 'POST', path, later, headers)).status).toBe(201);
});

test('a mailbox that got its letters keeps nobody from signing up', async () => {
  const ada = await registerPerson(server.url);
  for (let round = 0; round <= perDay; round += 1) await invite(ada, 'wanted@example.com');
  const signup = { email: 'wanted@example.com', password: 'seventeen green otters' };
  expect((await callApi(server.url, 'POST', '/auth/signup', signup)).status).toBe(201);
});
