import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../platform/telemetry/index.ts';
import {
  callApi,
  createTestDevice,
  registerPerson,
  startTestServer,
  type TestServer,
} from '../testing/index.ts';

let server: TestServer;
let operatorToken: string;
beforeAll(async () => {
  operatorToken = 'an-operator-token-for-tests-only';
  server = await startTestServer({
    env: {
      ALCOVE_OPERATOR_TOKEN: operatorToken,
      ALCOVE_OPERATOR_LOOPBACK: 'false',
      ALCOVE_CORS_ORIGINS: 'https://app.example',
    },
  });
});
afterAll(() => server.close());

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${server.url}${path}`, { headers });
const device = () => createTestDevice().input;
const register = (body: unknown, headers: Record<string, string> = {}) =>
  callApi(server.url, 'POST', '/auth/register', body, headers);

test.each<[string, unknown, number, string, unknown]>([
  [
    'an unknown member',
    { device: device(), admin: true },
    400,
    'request.invalid',
    [{ pointer: '/admin', detail: 'is not a known member' }],
  ],
  ['a missing member', {}, 400, 'request.invalid', [{ pointer: '', detail: 'must have device' }]],
  [
    'a wrong type',
    { device: { ...device(), name: 5 } },
    400,
    'request.invalid',
    [{ pointer: '/device/name', detail: 'must be string' }],
  ],
  [
    'a wrong choice',
    { device: { ...device(), platform: 'toaster' } },
    400,
    'request.invalid',
    [{ pointer: '/device/platform', detail: expect.stringContaining('must be one of') }],
  ],
  ['a list for an object', [], 400, 'request.invalid', expect.anything()],
  ['no body at all', undefined, 400, 'request.invalid', expect.anything()],
  ['text that is no JSON', '{"device":', 400, 'request.malformed_json', undefined],
  [
    'a poisoned prototype',
    '{"device":{},"__proto__":{"admin":true}}',
    400,
    'request.malformed_json',
    undefined,
  ],
  ['text that nests deeper than anybody means', '['.repeat(500_000), 400, 'request.invalid', undefined],
  ['a body over the limit', `"${'x'.repeat(1024 * 1024)}"`, 413, 'request.body_too_large', undefined],
])('%s is refused, and the problem says where and why', async (_name, body, status, code, errors) => {
  const answer = await register(body);
  expect(answer.status).toBe(status);
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(answer.body).toMatchObject({
    type: 'about:blank',
    status,
    code,
    requestId: answer.headers.get('x-request-id'),
  });
  if (errors !== undefined) expect(answer.body.errors).toEqual(errors);
  expect(JSON.stringify(answer.body)).not.toMatch(/\bat .*\.ts/);
});

test.each<[string, string, unknown, string]>([
  ['PUT', '/sync/policy', { entries: 'vote' }, '/entries must be one of manual, last-writer-wins'],
  ['GET', '/sync/conflicts?state=lost', undefined, '/state must be one of open, resolved'],
])('%s %s names the values that may be sent', async (method, path, body, detail) => {
  const ada = await registerPerson(server.url);
  const answer = await ada.call(method, path, body);
  expect(answer).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
  const { pointer, detail: found } = answer.body.errors[0];
  expect(answer.body.errors).toHaveLength(1);
  expect(`${pointer} ${found}`).toBe(detail);
});

test.each<[string, string, unknown]>([
  ['POST', '/sync/live/ticket', { forDevice: 'another' }],
  ['POST', '/sync/live/ticket', []],
  ['POST', '/sync/pull', 'null'],
])('%s %s refuses what it would not look at', async (method, path, body) => {
  const ada = await registerPerson(server.url);
  expect(await ada.call(method, path, body)).toMatchObject({
    status: 400,
    body: { code: 'request.invalid' },
  });
});

test('whoever sends far more than is taken hears why, however long the sending takes', async () => {
  const answers = await Promise.all(Array.from({ length: 5 }, () => register('x'.repeat(30_000_000))));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 413));
});

test('a body of another media type is refused before it is read', async () => {
  expect(await register('name=ada', { 'content-type': 'text/plain' })).toMatchObject({
    status: 415,
    body: { code: 'request.unsupported_media_type' },
  });
});

test('a packed body is refused, with what is taken instead', async () => {
  const answer = await register({ device: device() }, { 'content-encoding': 'gzip' });
  expect(answer).toMatchObject({ status: 415, body: { code: 'request.unsupported_content_coding' } });
  expect(answer.headers.get('accept-encoding')).toBe('identity');
});

test('the name of an unknown member is cut before it is sent back', async () => {
  const answer = await register({ device: device(), ['x'.repeat(500_000)]: true });
  expect(answer.status).toBe(400);
  expect(JSON.stringify(answer.body).length).toBeLessThan(1000);
});

test('a path that cannot be decoded is a problem like any other', async () => {
  const answer = await get('/%ff');
  expect(answer.status).toBe(400);
  expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(await answer.json()).toMatchObject({
    code: 'request.malformed',
    requestId: answer.headers.get('x-request-id'),
  });
});

test('an unknown path is 404, and a known one with another method is 405 with what it takes', async () => {
  expect(await callApi(server.url, 'GET', '/nothing')).toMatchObject({
    status: 404,
    body: { code: 'request.not_found' },
  });
  const answer = await callApi(server.url, 'GET', '/auth/register');
  expect(answer).toMatchObject({ status: 405, body: { code: 'request.method_not_allowed' } });
  expect(answer.headers.get('allow')).toBe('POST');
});

test('an id of the wrong shape is a 400 that names it, not a fault', async () => {
  const ada = await registerPerson(server.url);
  expect(await ada.call('GET', '/auth/pairings/not-an-id')).toMatchObject({
    status: 400,
    body: { code: 'request.invalid', errors: [{ pointer: '/id' }] },
  });
});

test('a NUL in a path or query is a 400, not a fault', async () => {
  const ada = await registerPerson(server.url);
  for (const path of ['/auth/pairings/%00', '/audit/logs?action=%00', '/auth/devices?cursor=%00']) {
    expect((await ada.call('GET', path)).status, path).toBe(400);
  }
});

test.each([
  ['abc-123', 'abc-123'],
  ['two words', undefined],
  ['x'.repeat(200), undefined],
])('the request id %s is kept only when it is harmless', async (sent, kept) => {
  const answered = (await get('/health', { 'x-request-id': sent })).headers.get('x-request-id');
  if (kept === undefined) expect(answered).toMatch(/^[0-9a-f-]{36}$/);
  else expect(answered).toBe(kept);
});

test.each(['/metrics', '/health/detailed'])('%s is for the operator alone', async (path) => {
  expect((await get(path)).status).toBe(401);
  expect((await get(path, { authorization: 'Bearer wrong' })).status).toBe(401);
  const ada = await registerPerson(server.url);
  expect((await get(path, { authorization: `Bearer ${ada.tokens.accessToken}` })).status).toBe(401);
  expect((await get(path, { authorization: `Bearer ${operatorToken}` })).status).toBe(200);
});

test('metrics count requests under the template of their route, never under their path', async () => {
  const ada = await registerPerson(server.url);
  await ada.call('GET', `/auth/pairings/${ada.account.id}`);
  const text = await (await get('/metrics', { authorization: `Bearer ${operatorToken}` })).text();
  expect(text).toContain('route="/api/v1/auth/pairings/:id"');
  expect(text).not.toContain(ada.account.id);
});

test('every component answers for itself', async () => {
  const answer = await get('/health/detailed', { authorization: `Bearer ${operatorToken}` });
  const { components } = await answer.json();
  for (const name of ['controlDatabase', 'vaults', 'blobs', 'jobs']) {
    expect(components[name]).toMatchObject({ status: 'ok', latencyMs: expect.any(Number) });
  }
});

test('the description of the API is OpenAPI 3.1 and names every route that is served', async () => {
  const description = await (await get('/openapi.json')).json();
  expect(description.openapi).toBe('3.1.0');
  for (const path of ['/api/v1/auth/register', '/api/v1/sync/push', '/api/v1/sync/pull', '/health', '/']) {
    expect(Object.keys(description.paths)).toContain(path);
  }
  expect(description.paths['/api/v1/auth/devices/{id}'].delete.responses).toHaveProperty('204');
});

test('the page of documentation needs nothing from elsewhere', async () => {
  const page = await (await get('/docs/')).text();
  const addresses = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address);
  expect(addresses.length).toBeGreaterThan(2);
  for (const address of addresses) {
    expect(address).not.toMatch(/^(https?:)?\/\//);
    expect((await get(new URL(String(address), `${server.url}/docs/`).pathname)).status).toBe(200);
  }
});

test.each([
  ['http://192.168.1.5:8080', false],
  ['https://alcove.example', true],
])('the page of documentation under %s asks for TLS: %s', async (publicUrl, asks) => {
  await using own = await startTestServer({ env: { PUBLIC_URL: publicUrl } });
  const policy = (await fetch(`${own.url}/docs/static/index.html`)).headers.get('content-security-policy');
  expect(policy).toContain("default-src 'self'");
  expect(policy?.includes('upgrade-insecure-requests')).toBe(asks);
});

test('a body that breaks off is no fault of ours in the log', async () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'debug', write: (line) => lines.push(line) });
  await using own = await startTestServer({ log });
  const upload = request(`${own.url}/api/v1/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-length': '1000' },
  });
  upload.on('error', () => {}).write('{"device":', () => setTimeout(() => upload.destroy(), 50));
  await expect.poll(() => lines.join()).toContain('a caller left before its body had arrived');
  expect(lines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});

test('only the configured origins may call from a browser', async () => {
  const allowed = async (origin: string) =>
    (await get('/health', { origin })).headers.get('access-control-allow-origin');
  expect(await allowed('https://app.example')).toBe('https://app.example');
  expect(await allowed('https://evil.example')).toBeNull();
});

test.each([
  ['/health', 200],
  ['/api/v1/auth/me', 401],
  ['/nothing', 404],
])(
  '%s with %i carries the headers that keep browsers from guessing, framing and storing',
  async (path, status) => {
    const answer = await get(path);
    expect(answer.status).toBe(status);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'strict-transport-security': 'max-age=31536000; includeSubDomains',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'SAMEORIGIN',
    });
  },
);

test('what is not HTTP is answered with 400 and a closed connection', async () => {
  const { hostname, port } = new URL(server.url);
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write('nonsense\r\n\r\n'));
    let text = '';
    socket
      .on('data', (chunk) => (text += chunk))
      .on('close', () => resolve(text))
      .on('error', reject);
  });
  expect(answer).toMatch(/^HTTP\/1\.1 400/);
});
