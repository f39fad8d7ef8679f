import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Person, registerPerson, startTestServer, type TestServer } from '../../testing/index.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

/** Opens a request and holds its body back until it is told to send it; answers the status. */
async function openRequest(person: Person, method: string, path: string, body: string) {
  const answered = Promise.withResolvers<IncomingMessage>();
  const opened = request(`${server.url}/api/v1${path}`, {
    method,
    headers: {
      authorization: `Bearer ${person.tokens.accessToken}`,
      'content-type': 'application/json',
      'content-length': body.length,
    },
  });
  opened.on('response', answered.resolve).on('error', answered.reject);
  await new Promise((resolve) => opened.write(body.slice(0, 1), resolve));
  return async () => {
    opened.end(body.slice(1));
    const answer = await answered.promise;
    answer.resume();
    return answer.statusCode;
  };
}

test('whoever is revoked while a body is under way does not act with it', async () => {
  const ada = await registerPerson(server.url);
  const device = `/auth/devices/${ada.device.id}`;
  const opened = [
    await openRequest(ada, 'POST', '/sync/push', '{"changes":[]}'),
    await openRequest(ada, 'PATCH', device, '{"name":"Mine still"}'),
    await openRequest(ada, 'DELETE', device, '{}'),
  ];
  // An answer to a request that came later tells that the heads of these have been read.
  expect((await ada.call('GET', '/auth/me')).status).toBe(200);
  expect((await ada.call('POST', '/auth/logout', {})).status).toBe(204);
  const statuses: unknown[] = [];
  for (const finish of opened) statuses.push(await finish());
  expect(statuses).toEqual([401, 401, 401]);
});
