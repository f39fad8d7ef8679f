import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../../platform/telemetry/index.ts';
import {
  type Answer,
  callApi,
  createTestClock,
  startTestServer,
  type TestServer,
} from '../../../testing/index.ts';

const clock = createTestClock();
const password = 'seventeen green otters';
const logged: { status?: number; err?: unknown }[] = [];
const log = createLogger({ level: 'info', human: false, write: (line) => logged.push(JSON.parse(line)) });
let server: TestServer;
beforeAll(async () => {
  // The test is the proxy, and so comes from whatever address it says.
  server = await startTestServer({ clock, log, env: { ALCOVE_TRUSTED_PROXIES: '127.0.0.1' } });
});
afterAll(() => server.close());

let people = 0;
const newEmail = () => `guessed-${++people}@example.com`;
const login = (email: string, tried: string) =>
  callApi(server.url, 'POST', '/auth/login', { email, password: tried });
const inTurn = async (count: number, act: (at: number) => Promise<Answer>) => {
  const answers: Answer[] = [];
  for (let at = 0; at < count; at++) answers.push(await act(at));
  return answers;
};

async function signup(): Promise<{ email: string; token: string }> {
  const email = newEmail();
  const { body } = await callApi(server.url, 'POST', '/auth/signup', { email, password });
  return { email, token: body.tokens.accessToken };
}

test.each([
  ['of somebody', async () => (await signup()).email],
  ['of nobody', async () => newEmail()],
])('after eleven wrong guesses at an address %s the next one has to wait', async (_, address) => {
  const email = await address();
  const guesses = await inTurn(11, (at) => login(email, `guess number ${at}`));
  expect(guesses.map(({ status }) => status)).toEqual(Array(11).fill(401));
  const blocked = await login(email, password);
  expect(blocked).toMatchObject({ status: 429, body: { code: 'auth.too_many_attempts' } });
  expect(Number(blocked.headers.get('retry-after'))).toBe(2);
});

test('each further wrong guess doubles the wait, up to a quarter of an hour, and being refused adds nothing', async () => {
  const { email } = await signup();
  await inTurn(11, () => login(email, 'wrong guess'));
  const waits: number[] = [];
  for (let round = 0; round < 11; round++) {
    await login(email, 'refused guess');
    const wait = Number((await login(email, 'refused guess')).headers.get('retry-after'));
    waits.push(wait);
    clock.forward(wait * 1000);
    expect((await login(email, 'wrong guess')).status).toBe(401);
  }
  expect(waits).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
});

test('the right password after the wait lets in and forgets the wrong ones', async () => {
  const { email } = await signup();
  await inTurn(11, () => login(email, 'wrong guess'));
  clock.forward(2_000);
  expect((await login(email, password)).status).toBe(200);
  const again = await inTurn(10, () => login(email, 'wrong guess'));
  expect(again.map(({ status }) => status)).toEqual(Array(10).fill(401));
});

test('thirty guesses at once are counted one by one', async () => {
  const { email } = await signup();
  const guesses = await Promise.all(
    Array.from({ length: 30 }, (_, at) => login(email, `guess number ${at}`)),
  );
  expect(guesses.filter(({ status }) => status === 401)).toHaveLength(11);
  expect(guesses.filter(({ status }) => status === 429)).toHaveLength(19);
});

test('guesses at the door do not keep whoever is signed in from acting', async () => {
  const { email, token } = await signup();
  await inTurn(12, () => login(email, 'wrong guess'));
  const request = { currentPassword: password, newPassword: 'eighteen green otters' };
  const changed = await callApi(server.url, 'POST', '/auth/password/change', request, {
    authorization: `Bearer ${token}`,
  });
  expect(changed.status).toBe(204);
});

test('counts outlive a restart of the service', async () => {
  const { email } = await signup();
  await inTurn(11, () => login(email, 'wrong guess'));
  for (const waitMs of [2_000, 4_000, 8_000, 16_000, 32_000]) {
    clock.forward(waitMs);
    await login(email, 'wrong guess');
  }
  await server.restart();
  expect((await login(email, password)).status).toBe(429);
});

test('when too many wait for a hash, the next is sent away at once instead of waiting for ever', async () => {
  const answers = await Promise.all(Array.from({ length: 120 }, () => login(newEmail(), 'wrong guess')));
  const busy = answers.filter(({ status }) => status === 503);
  expect(busy.length).toBeGreaterThan(0);
  expect(busy[0]).toMatchObject({ body: { code: 'auth.busy' } });
  expect(busy[0]?.headers.get('retry-after')).toBe('2');
  expect(answers.filter(({ status }) => status === 401).length).toBeGreaterThanOrEqual(30);
});

test('each of those who are sent away has one short line in the log, and no stack', async () => {
  logged.length = 0;
  const answers = await Promise.all(Array.from({ length: 120 }, () => login(newEmail(), 'wrong guess')));
  const busy = answers.filter(({ status }) => status === 503).length;
  expect(busy).toBeGreaterThan(0);
  expect(logged.filter(({ status }) => status === 503)).toHaveLength(busy);
  expect(logged.filter(({ err }) => err !== undefined)).toEqual([]);
});

test('a flood of sign-ups from one address keeps nobody else from signing in', async () => {
  const { email } = await signup();
  const from = (ip: string) => ({ 'x-forwarded-for': ip });
  const flood = Array.from({ length: 120 }, () =>
    callApi(server.url, 'POST', '/auth/signup', { email: newEmail(), password }, from('192.0.2.7')),
  );
  // One that is sent away: by then the others wait.
  const refused = await Promise.any(flood.map((one) => one.then(requireBusy)));
  expect(refused.body.code).toBe('auth.busy');
  const signedIn = await callApi(server.url, 'POST', '/auth/login', { email, password }, from('192.0.2.8'));
  expect(signedIn.status).toBe(200);
  await Promise.all(flood);
});

function requireBusy(answer: Answer): Answer {
  if (answer.status !== 503) throw new Error(`it was answered ${answer.status}`);
  return answer;
}

const forgot = (email: string) => callApi(server.url, 'POST', '/auth/password/forgot', { email });

/** Below the median, because a busy machine only ever makes a call slower. */
const lowerQuartile = (numbers: readonly number[]) =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 4)] ?? 0;

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

test('the time of an answer does not tell whether an address is known', async () => {
  const known = await Promise.all(Array.from({ length: 6 }, async () => (await signup()).email));
  const times = { known: [] as number[], unknown: [] as number[] };
  for (let round = 0; round < 5; round++) {
    for (const email of known) {
      times.known.push(await timed(() => login(email, 'wrong guess')));
      times.unknown.push(await timed(() => login(newEmail(), 'wrong guess')));
    }
  }
  // The hash takes tens of milliseconds; without it an unknown address would be some ten times faster.
  const ratio = lowerQuartile(times.known) / lowerQuartile(times.unknown);
  expect(ratio).toBeGreaterThan(0.6);
  expect(ratio).toBeLessThan(1.6);
});

test('the time in which a forgotten password is answered does not tell either', async () => {
  const known = await Promise.all(Array.from({ length: 15 }, async () => (await signup()).email));
  const times = { known: [] as number[], unknown: [] as number[] };
  for (const email of known) {
    times.known.push(await timed(() => forgot(email)));
    times.unknown.push(await timed(() => forgot(newEmail())));
  }
  const ratio = lowerQuartile(times.known) / lowerQuartile(times.unknown);
  expect(ratio).toBeGreaterThan(0.4);
  expect(ratio).toBeLessThan(2.5);
});
