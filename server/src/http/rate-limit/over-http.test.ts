import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  type Answer,
  callApi,
  createTestDevice,
  registerPerson,
  startTestServer,
} from '../../testing/index.ts';
import { redisIsInstalled, startTestRedis } from '../../testing/redis.ts';

/** Few enough to be used up by a test. The proxy that it trusts is the test itself. */
const limits = {
  ALCOVE_LIMIT_SCALE: '1',
  ALCOVE_LIMIT_RATE_READ_BURST: '4',
  ALCOVE_LIMIT_RATE_READ_SUSTAINED: '100',
  ALCOVE_LIMIT_RATE_SIGN_IN_BURST: '3',
  ALCOVE_LIMIT_RATE_SIGN_IN_SUSTAINED: '100',
  ALCOVE_LIMIT_RATE_ADDRESS_BURST: '20',
  ALCOVE_LIMIT_RATE_ADDRESS_SUSTAINED: '1000',
  ALCOVE_TRUSTED_PROXIES: '127.0.0.1',
  ALCOVE_CORS_ORIGINS: 'https://app.example',
};

async function startUnowned(env: Record<string, string> = {}) {
  const clock = createStandingClock();
  return { clock, server: await startTestServer({ clock, env: { ...limits, ...env } }) };
}

async function startLimited(env: Record<string, string>) {
  const running = await startUnowned(env);
  onTestFinished(() => running.server.close());
  return running;
}

/** Time that only the test moves: on a busy machine a quota must not come back by itself. */
function createStandingClock() {
  let nowMs = Date.now();
  const forward = (ms: number) => {
    nowMs += ms;
  };
  return { now: () => nowMs, forward };
}

/** One server for all tests with the limits above: hours after the last test every quota is whole again. */
const shared = startUnowned();
const startShared = async () => {
  const running = await shared;
  running.clock.forward(2 * 3_600_000);
  return running;
};
afterAll(async () => (await shared).server.close());

const from = (ip: string) => ({ 'x-forwarded-for': ip });
const register = (url: string, headers = {}) =>
  callApi(url, 'POST', '/auth/register', { device: createTestDevice().input }, headers);

async function repeat(times: number, call: () => Promise<Answer>): Promise<number[]> {
  const statuses: number[] = [];
  for (let time = 0; time < times; time += 1) statuses.push((await call()).status);
  return statuses;
}

test('every limited answer says what the policies are and what is left of them', async () => {
  const { server } = await startShared();
  const answer = await register(server.url);
  expect(answer.status).toBe(201);
  expect(answer.headers.get('ratelimit-policy')).toBe(
    '"sign-in-burst";q=3;w=10, "sign-in-sustained";q=100;w=3600',
  );
  expect(answer.headers.get('ratelimit')).toBe('"sign-in-burst";r=2;t=4, "sign-in-sustained";r=99;t=36');
});

test('whoever has used up a quota is told so, which one it was, and when to come again', async () => {
  const { server, clock } = await startShared();
  await repeat(3, () => register(server.url));
  const refused = await register(server.url);
  expect(refused).toMatchObject({
    status: 429,
    body: {
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      code: 'rate.limited',
      status: 429,
      'violated-policies': ['sign-in-burst'],
    },
  });
  expect(refused.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(refused.headers.get('ratelimit')).toContain('"sign-in-burst";r=0;t=4');
  const seconds = Number(refused.headers.get('retry-after'));
  expect(seconds).toBe(4);
  clock.forward(seconds * 1000);
  expect((await register(server.url)).status).toBe(201);
});

test('devices that wait to be admitted, or get new tokens, leave the attempts to sign in alone', async () => {
  const { server } = await startShared();
  const ada = await registerPerson(server.url);
  const poll = () =>
    callApi(server.url, 'POST', `/auth/pairings/${ada.account.id}/claim`, { signature: 'A'.repeat(86) });
  const refresh = () =>
    callApi(server.url, 'POST', '/auth/refresh', { refreshToken: ada.tokens.refreshToken });
  expect(await repeat(8, poll)).toEqual(Array(8).fill(404));
  expect(await repeat(8, refresh)).toEqual(Array(8).fill(200));
  expect(await repeat(2, () => register(server.url))).toEqual([201, 201]);
});

test('the sustained policy holds against those who keep below the burst', async () => {
  const { server, clock } = await startLimited({ ALCOVE_LIMIT_RATE_SIGN_IN_SUSTAINED: '5' });
  const statuses: number[] = [];
  for (let at = 0; at < 7; at += 1) {
    statuses.push((await register(server.url)).status);
    clock.forward(4000);
  }
  expect(statuses).toEqual([201, 201, 201, 201, 201, 429, 429]);
});

test('an account has one quota, from whatever addresses it calls', async () => {
  const { server } = await startShared();
  const ada = await registerPerson(server.url);
  const read = (ip: string) => () => ada.call('GET', '/auth/me', undefined, from(ip));
  expect(await repeat(3, read('198.51.100.1'))).toEqual([200, 200, 200]);
  expect(await repeat(2, read('198.51.100.2'))).toEqual([200, 429]);
  const bob = await registerPerson(server.url);
  expect((await bob.call('GET', '/auth/me', undefined, from('198.51.100.2'))).status).toBe(200);
});

test('guesses at tokens use up the quota of their address before anybody is asked whose they are', async () => {
  const { server } = await startShared();
  const guess = () =>
    callApi(server.url, 'GET', '/auth/me', undefined, {
      authorization: 'Bearer wrong',
      ...from('198.51.100.3'),
    });
  const statuses = await repeat(22, guess);
  expect(statuses.slice(0, 20)).toEqual(Array(20).fill(401));
  expect(statuses.slice(20)).toEqual([429, 429]);
});

test.each([
  ['GET', '/metrics'],
  ['GET', '/docs/'],
  ['GET', '/docs/static/swagger-ui.css'],
  ['GET', '/openapi.json'],
  ['GET', '/nothing-here'],
  ['PUT', '/health'],
  ['OPTIONS', '/api/v1/auth/me'],
])('%s %s counts as a call of its address, and keeps no probe out', async (method, path) => {
  const { server } = await startShared();
  const headers = {
    ...from('192.0.2.9'),
    origin: 'https://app.example',
    'access-control-request-method': 'GET',
  };
  const call = () => fetch(`${server.url}${path}`, { method, headers });
  for (let count = 0; count < 20; count += 1) expect((await call()).status).not.toBe(429);
  const refused = await call();
  expect(refused.status).toBe(429);
  expect(refused.headers.get('retry-after')).toMatch(/^[1-9]/);
  expect(refused.headers.get('x-request-id')).not.toBeNull();
  for (const probe of ['/health', '/healthz', '/readyz'])
    expect((await fetch(`${server.url}${probe}`, { headers: from('192.0.2.9') })).status).toBe(200);
});

test('addresses behind a trusted proxy are told apart, and what a caller forges before its own is not', async () => {
  const { server } = await startShared();
  const statuses = async (forwarded: string) =>
    repeat(1, () => register(server.url, from(forwarded))).then(([status]) => status);
  for (const forged of ['', '203.0.113.1, ', '203.0.113.2, '])
    expect(await statuses(`${forged}198.51.100.4`)).toBe(201);
  expect(await statuses('203.0.113.3, 198.51.100.4')).toBe(429);
  expect(await statuses('198.51.100.5')).toBe(201);
});

test('without a trusted proxy nobody gets a new quota by writing another address', async () => {
  const { server } = await startLimited({ ALCOVE_TRUSTED_PROXIES: '' });
  const statuses: number[] = [];
  for (const ip of ['198.51.100.1', '198.51.100.2', '198.51.100.3', '198.51.100.4'])
    statuses.push((await register(server.url, from(ip))).status);
  expect(statuses).toEqual([201, 201, 201, 429]);
});

test('all addresses of a /64 count as one, and the next /64 as another', async () => {
  const { server } = await startShared();
  const statuses = await Promise.all(
    ['2001:db8:0:1::1', '2001:db8:0:1::2', '2001:db8:0:1:ffff::3'].map((ip) =>
      register(server.url, from(ip)),
    ),
  );
  expect(statuses.map(({ status }) => status)).toEqual([201, 201, 201]);
  expect((await register(server.url, from('2001:db8:0:1::4'))).status).toBe(429);
  expect((await register(server.url, from('2001:db8:0:2::1'))).status).toBe(201);
});

test('a scale multiplies every quota, and 0 turns the limits off with their fields', async () => {
  const { server: double } = await startLimited({ ALCOVE_LIMIT_SCALE: '2' });
  expect(await repeat(7, () => register(double.url))).toEqual([201, 201, 201, 201, 201, 201, 429]);
  const { server: off } = await startLimited({ ALCOVE_LIMIT_SCALE: '0' });
  expect(await repeat(7, () => register(off.url))).toEqual(Array(7).fill(201));
  expect((await register(off.url)).headers.get('ratelimit')).toBeNull();
});

describe.skipIf(!redisIsInstalled)('with Redis', () => {
  test('two nodes share a quota, whatever node is asked', async () => {
    await using redis = await startTestRedis();
    // By the clock of Redis, which nobody moves, so in an hour rather than in ten seconds.
    const env = {
      REDIS_URL: redis.url,
      ALCOVE_LIMIT_RATE_SIGN_IN_BURST: '100',
      ALCOVE_LIMIT_RATE_SIGN_IN_SUSTAINED: '3',
    };
    const [one, two] = [(await startLimited(env)).server, (await startLimited(env)).server];
    expect(await repeat(2, () => register(one.url))).toEqual([201, 201]);
    expect(await repeat(2, () => register(two.url))).toEqual([201, 429]);
    expect(await repeat(1, () => register(one.url))).toEqual([429]);
  });

  test('while Redis is away sign-in waits for it, reading and writing go on, and afterwards all is as before', async () => {
    await using redis = await startTestRedis();
    const { server } = await startLimited({ REDIS_URL: redis.url, ALCOVE_LIMIT_RATE_SIGN_IN_BURST: '90' });
    const isCounting = async () => (await register(server.url)).status;
    await expect.poll(isCounting, { timeout: 10_000 }).toBe(201);
    const ada = await registerPerson(server.url);
    await redis.stop();

    expect(await register(server.url)).toMatchObject({ status: 503, body: { code: 'rate.unavailable' } });
    expect(
      await callApi(server.url, 'POST', '/auth/refresh', { refreshToken: ada.tokens.refreshToken }),
    ).toMatchObject({ status: 503 });
    expect((await ada.call('GET', '/auth/me')).status).toBe(200);
    expect((await ada.call('PATCH', `/auth/devices/${ada.device.id}`, { name: 'Renamed' })).status).toBe(200);

    await redis.start();
    await expect.poll(isCounting, { timeout: 10_000 }).toBe(201);
  });
});
