/** When a session's tokens are renewed: for what the server says of them, once, and never for anything else. */
import { type Client, memoryStorage } from '@alcove/client';
import { createTestClock, startTestServer, type TestServer } from '@alcove/server/testing';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { dyingFetch } from './faults.ts';
import { createPeople } from './people.ts';

const hourMs = 3_600_000;
const clock = createTestClock();
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterEach(() => void refreshes.mockClear());
afterAll(() => server.close());

/** The requests for new tokens that really went out. */
const refreshes = vi.fn();

/** A way to the server on which `interfere` may answer a question about the account in its place. */
const watched =
  (interfere: () => Response | undefined = () => undefined): typeof fetch =>
  async (input, init) => {
    const { pathname } = new URL(String(input));
    if (pathname.endsWith('/auth/refresh')) refreshes();
    return (pathname.endsWith('/auth/me') ? interfere() : undefined) ?? fetch(input, init);
  };

const refusal = (code: string) =>
  Response.json(
    { type: 'about:blank', title: 'No', status: 401, detail: 'No.', code, requestId: 'r' },
    { status: 401 },
  );

const { open: openWith } = createPeople(() => ({ url: server.url, now: () => clock.now() }));
const open = (fetch: typeof globalThis.fetch, storage = memoryStorage()) => openWith({ fetch, storage });

it.each([
  ['a service', 'auth.proof_invalid', () => refusal('auth.proof_invalid')],
  ['a page of a proxy', 'http.401', () => new Response('<html>Sign in here</html>', { status: 401 })],
])('a 401 of %s about something else costs no tokens', async (_who, code, answer) => {
  const client = await open(watched(answer));
  await client.register();
  await expect(client.me()).rejects.toMatchObject({ code, status: 401 });
  expect(refreshes).not.toHaveBeenCalled();
});

it.each(['auth.invalid_token', 'auth.session_ended'])(
  'a token that is refused with %s is renewed, and whoever refuses the new one as well is believed',
  async (code) => {
    let refusals = 0;
    const client = await open(watched(() => (refusals-- > 0 ? refusal(code) : undefined)));
    await client.register();
    refusals = 1;
    expect((await client.me()).account.id).toBe(client.identity?.accountId);
    expect(refreshes).toHaveBeenCalledTimes(1);
    refusals = 2;
    await expect(client.me()).rejects.toMatchObject({ code, status: 401 });
    expect(refreshes).toHaveBeenCalledTimes(2);
    clock.forward(hourMs);
    refusals = 1;
    await expect(client.me()).rejects.toMatchObject({ code, status: 401 });
    expect(refreshes).toHaveBeenCalledTimes(3);
  },
);

it('a page of a proxy in place of new tokens ends no session', async () => {
  let isAway = false;
  const client = await open((input, init) =>
    isAway ? Promise.resolve(new Response('Sign in here', { status: 401 })) : fetch(input, init),
  );
  await client.account.startGuest();
  clock.forward(hourMs);
  isAway = true;
  await expect(client.me()).rejects.toMatchObject({ code: 'http.401' });
  isAway = false;
  expect((await client.me()).account.kind).toBe('guest');
});

it('tokens of an answer that was kept since an earlier try are not taken for new ones', async () => {
  const storage = memoryStorage();
  const first = await open(fetch, storage);
  await first.account.startGuest();
  await first.close();
  clock.forward(hourMs);
  const dying: Client = await open(
    dyingFetch(0, () => void dying.close()),
    storage,
  );
  await expect(dying.me()).rejects.toMatchObject({ code: 'aborted' });
  clock.forward(2 * hourMs);
  const questions: (string | undefined)[] = [];
  const again = await open(
    watched(() => {
      questions.push('asked');
      return undefined;
    }),
    storage,
  );
  expect((await again.me()).account.kind).toBe('guest');
  expect(questions).toHaveLength(1);
  expect(refreshes).toHaveBeenCalledTimes(2);
});
