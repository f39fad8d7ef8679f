import { afterAll, beforeAll, expect, test } from 'vitest';
import { callApi, registerPerson, startTestServer, type TestServer } from '../../testing/index.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

test('x', async () => {
  const ada = await registerPerson(server.url);
  expect((await ada.call('GET', '/auth/me')).body).toMatchObject({ account: { kind: 'anonymous' } });
  expect(await callApi(server.url, 'GET', '/auth/me')).toMatchObject({ status: 401 });
});
