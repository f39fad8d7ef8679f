/** The service dies after the effect of a request and before its answer is kept: there must be no such moment. */
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Answer,
  behindTheScenes,
  callApi,
  codeIn,
  createTestClock,
  registerPerson,
  startTestServer,
  type TestServer,
  waitForLetter,
} from '../../testing/index.ts';

const clock = createTestClock();
const [password, newPassword] = ['seventeen green otters', 'twenty green otters'];
let server: TestServer;
let sends: Send[];
let first: Answer[];
let [before, after]: Record<string, number>[] = [];
beforeAll(async () => {
  server = await startTestServer({ clock });
  sends = [];
  for (const [, prepare] of cases) sends.push(await prepare());
  before = await behindTheScenes(server, async (tx) => {
    await sql`create function refuse_answer() returns trigger language plpgsql as
      $$ begin raise exception 'died'; end $$`.execute(tx);
    await sql`create trigger refuse_answer before update of answer on idempotent_request
      for each row execute function refuse_answer()`.execute(tx);
    return countRows(tx);
  });
  first = await Promise.all(sends.map((send) => send()));
  after = await behindTheScenes(server, async (tx) => {
    await sql`drop function refuse_answer cascade`.execute(tx);
    return countRows(tx);
  });
});
afterAll(() => server.close());

let people = 0;
async function signup() {
  const email = `lost-${++people}@example.com`;
  const { body } = await callApi(server.url, 'POST', '/auth/signup', { email, password });
  return { email, authorization: `Bearer ${body.tokens.accessToken}` };
}

type Send = () => Promise<Answer>;
const sender =
  (method: string, path: string, body: object, headers: Record<string, string> = {}): Send =>
  () =>
    callApi(server.url, method, path, body, {
      'idempotency-key': `lost ${path}`.replace(' ', '-'),
      ...headers,
    });

/** Each would be refused, or act twice, if it had acted the first time. */
const cases: [string, () => Promise<Send>][] = [
  ['coming in as a guest', async () => sender('POST', '/auth/guest', {})],
  [
    'taking over a guest',
    async () => {
      const guest = await callApi(server.url, 'POST', '/auth/guest', {});
      const { tokens } = await registerPerson(server.url);
      const headers = { authorization: `Bearer ${tokens.accessToken}` };
      return sender('POST', '/auth/guest/merge', { guestToken: guest.body.tokens.accessToken }, headers);
    },
  ],
  [
    'signing in with a password',
    async () => sender('POST', '/auth/login', { email: (await signup()).email, password }),
  ],
  [
    'changing a password',
    async () => {
      const { authorization } = await signup();
      return sender(
        'POST',
        '/auth/password/change',
        { currentPassword: password, newPassword },
        { authorization },
      );
    },
  ],
  [
    'choosing a password by letter',
    async () => {
      const { email } = await signup();
      await callApi(server.url, 'POST', '/auth/password/forgot', { email });
      const token = codeIn(await waitForLetter(server, email, /new password/));
      return sender('POST', '/auth/password/reset', { token, password: newPassword });
    },
  ],
  [
    'asking for another mail address',
    async () => {
      const { email, authorization } = await signup();
      // A second letter within the minute would be refused.
      clock.forward(61_000);
      return sender('PATCH', '/auth/me', { email: `new-${email}`, password }, { authorization });
    },
  ],
];

test('where no answer can be kept, no effect stays', () => {
  expect(first.map(({ status }) => status)).toEqual(cases.map(() => 500));
  expect(after).toEqual(before);
});

test.each(cases.map(([name], at) => [name, at] as const))(
  '%s works at the next attempt, and once',
  async (_, at) => {
    const send = sends[at];
    const [second, third] = [await send?.(), await send?.()];
    expect(second?.status).toBeLessThan(300);
    expect(second?.headers.get('idempotency-replayed')).toBeNull();
    expect(third?.headers.get('idempotency-replayed')).toBe('true');
    expect(third?.body).toEqual(second?.body);
  },
);

const counted = ['account', 'session', 'mail_token'] as const;
type Tx = Parameters<Parameters<typeof behindTheScenes>[1]>[0];

async function countRows(tx: Tx): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of counted) {
    const { rows } = await sql<{
      count: number;
    }>`select count(*)::int as count from ${sql.table(table)}`.execute(tx);
    counts[table] = rows[0]?.count ?? 0;
  }
  return counts;
}
