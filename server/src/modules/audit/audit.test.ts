import { logEntryHash, pairingClaimText } from '@alcove/contract/keys';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Transaction } from '../../platform/database/index.ts';
import {
  behindTheScenes,
  callApi,
  createTestClock,
  createTestDevice,
  openDatabase,
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

interface Entry {
  readonly action: string;
  readonly [column: string]: unknown;
}

const person = () => registerPerson(server.url);
const readLog = async (who: Person, query = ''): Promise<Entry[]> =>
  (await who.call('GET', `/audit/logs${query}`)).body.data;
/** At the address where the server is now: a restart changes it. */
const verify = async ({ tokens }: Person) => {
  const headers = { authorization: `Bearer ${tokens.accessToken}` };
  return (await callApi(server.url, 'GET', '/audit/verify', undefined, headers)).body;
};
const rename = (who: Person, name = 'Desk') => who.call('PATCH', `/auth/devices/${who.device.id}`, { name });

test('an entry says who did what to what, from where, in which request', async () => {
  const ada = await person();
  const { headers } = await rename(ada);
  const [entry] = await readLog(ada);
  expect(entry).toMatchObject({
    action: 'device.renamed',
    actor: `account:${ada.account.id}`,
    target: `device:${ada.device.id}`,
    ip: '127.0.0.1',
    requestId: headers.get('x-request-id'),
    detail: {},
  });
  expect(JSON.stringify(entry)).not.toContain('Desk');
});

test('everything that touches the security of an account is written down, the newest first', async () => {
  const ada = await person();
  await ada.mintFirstEpoch();
  const phone = createTestDevice('Phone');
  const started = (await callApi(server.url, 'POST', '/auth/pairings', { device: phone.input })).body;
  const waiting = (await ada.call('GET', `/auth/pairings/${started.id}`)).body;
  const { log } = (await ada.call('GET', '/sync/keys')).body;
  const previousHash = await logEntryHash(log.at(-1));
  const endorsement = await ada.signEntry(
    { action: 'add', deviceId: waiting.device.id, previousHash },
    phone,
  );
  const keyShares = [{ epoch: 1, wrapped: wrappedKey() }];
  await ada.call('POST', '/auth/pair-device', { pairingId: started.id, keyShares, endorsement });
  const signature = phone.sign(pairingClaimText(started.id, started.challenge));
  await callApi(server.url, 'POST', `/auth/pairings/${started.id}/claim`, { signature });
  await rename(ada);
  await ada.call('DELETE', `/auth/devices/${waiting.device.id}`);

  const entries = await readLog(ada);
  expect(entries.map(({ action }) => action)).toEqual([
    'device.revoked',
    'device.renamed',
    'device.claimed',
    'device.added',
    'epoch.minted',
    'account.registered',
  ]);
  const actors = new Set(entries.map(({ actor }) => actor));
  expect(actors).toEqual(new Set([`account:${ada.account.id}`]));
});

test('logging out is written down, and so is a refresh token that was used twice', async () => {
  const ada = await person();
  const refresh = (refreshToken: string) => callApi(server.url, 'POST', '/auth/refresh', { refreshToken });
  const { body } = await refresh(ada.tokens.refreshToken);
  await refresh(body.tokens.refreshToken);
  expect((await refresh(ada.tokens.refreshToken)).body.code).toBe('auth.refresh_reused');
  const bob = await person();
  await bob.call('POST', '/auth/logout');
  const recorded = await behindTheScenes(server, async (tx) => {
    const { rows } = await sql<{ action: string; actor: string }>`select action, actor from audit_entry
      where workspace_id in (${ada.workspace.id}, ${bob.workspace.id}) and action like 'session.%'
      order by id`.execute(tx);
    return rows;
  });
  expect(recorded).toEqual([
    { action: 'session.refresh_reused', actor: 'anyone' },
    { action: 'session.ended', actor: `account:${bob.account.id}` },
  ]);
});

test('what a refused request would have done is not written down', async () => {
  const ada = await person();
  expect((await ada.call('DELETE', `/auth/devices/${ada.device.id}`)).status).toBe(409);
  expect((await readLog(ada)).map(({ action }) => action)).toEqual(['account.registered']);
});

test('the log is read page by page', async () => {
  const ada = await person();
  for (let i = 0; i < 4; i++) await rename(ada, `Desk ${i}`);
  const seen: unknown[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const path: string = `/audit/logs?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`;
    const { body } = await ada.call('GET', path);
    seen.push(...body.data.map(({ id }: { id: string }) => id));
    cursor = body.nextCursor;
  }
  expect(seen).toEqual((await readLog(ada)).map(({ id }) => id));
  expect(seen).toHaveLength(5);
});

test('the log is narrowed by time, actor, action and target', async () => {
  const ada = await person();
  await rename(ada);
  const [second, first] = await readLog(ada);
  const count = async (query: string) => (await readLog(ada, query)).length;
  expect(await count(`?action=device.renamed`)).toBe(1);
  expect(await count(`?target=${ada.device.id}`)).toBe(1);
  expect(await count(`?target=device:${ada.device.id}`)).toBe(1);
  expect(await count(`?actor=${ada.account.id}`)).toBe(2);
  expect(await count(`?actor=account:${ada.account.id}&action=account.registered`)).toBe(1);
  expect(await count(`?actor=${ada.device.id}`)).toBe(0);
  expect(await count(`?from=${second?.at}`)).toBe(second?.at === first?.at ? 2 : 1);
  expect(await count(`?to=${first?.at}`)).toBe(0);
});

test.each(['?from=yesterday', '?from=2026-02-30T00:00:00.000Z', '?cursor=-1', '?limit=0', '?colour=red'])(
  'the query %s is refused',
  async (query) => {
    const answer = await (await person()).call('GET', `/audit/logs${query}`);
    expect(answer).toMatchObject({ status: 400, body: { code: 'request.invalid' } });
  },
);

test('the log of a workspace is for its admins', async () => {
  const [ada, bob] = [await person(), await person()];
  const { id } = (await ada.call('POST', '/workspaces', { name: 'Garden' })).body;
  const invitation = await ada.call('POST', `/workspaces/${id}/invitations`, {
    email: 'bob@example.com',
    role: 'member',
  });
  await bob.call('POST', '/workspaces/invitations/accept', { token: invitation.body.token });
  const ask = (who: Person) => who.call('GET', '/audit/logs', undefined, { 'alcove-workspace': id });
  expect(await ask(bob)).toMatchObject({ status: 403, body: { code: 'auth.forbidden' } });
  const { body } = await ask(ada);
  expect(body.data.map(({ action }: Entry) => action)).toEqual([
    'member.added',
    'invitation.created',
    'workspace.created',
  ]);
  await ada.call('PATCH', `/workspaces/${id}/members/${bob.account.id}`, { role: 'admin' });
  expect((await ask(bob)).status).toBe(200);
});

test('changes at once make one chain', async () => {
  const ada = await person();
  await Promise.all(Array.from({ length: 12 }, (_, i) => rename(ada, `Desk ${i}`)));
  expect(await verify(ada)).toMatchObject({ valid: true, entries: 13, broken: null });
});

const without = (trigger: string) => sql.raw(`alter table audit_entry ${trigger} trigger user`);

/** What somebody who owns the database might do to the log of a workspace with four entries, and where it shows. */
const forgeries: readonly (readonly [
  what: string,
  forge: (tx: Transaction, workspaceId: string) => Promise<unknown>,
  position: number | null,
])[] = [
  ['nothing', async () => undefined, null],
  [
    'an action is changed',
    (tx, id) =>
      sql`update audit_entry set action = 'device.added' where workspace_id = ${id} and position = 2`.execute(
        tx,
      ),
    2,
  ],
  [
    'the time is changed',
    (tx, id) =>
      sql`update audit_entry set at = at - interval '1 day' where workspace_id = ${id} and position = 1`.execute(
        tx,
      ),
    1,
  ],
  [
    'an entry is removed',
    (tx, id) => sql`delete from audit_entry where workspace_id = ${id} and position = 3`.execute(tx),
    4,
  ],
  [
    'an entry is removed and the rest is numbered anew',
    async (tx, id) => {
      await sql`delete from audit_entry where workspace_id = ${id} and position = 3`.execute(tx);
      await sql`update audit_entry set position = 3 where workspace_id = ${id} and position = 4`.execute(tx);
    },
    3,
  ],
  [
    'the last entry is removed',
    (tx, id) => sql`delete from audit_entry where workspace_id = ${id} and position = 4`.execute(tx),
    4,
  ],
  [
    'an entry of another workspace is put in its place',
    async (tx, id) => {
      await sql`delete from audit_entry where workspace_id = ${id} and position = 4`.execute(tx);
      await sql`update audit_entry set workspace_id = ${id}, position = 4
        where id = (select id from audit_entry where workspace_id <> ${id} order by id limit 1)`.execute(tx);
    },
    4,
  ],
];

test('whatever is forged in the log is found, at its place', async () => {
  const people = await Promise.all(forgeries.map(person));
  for (const who of people) for (let i = 0; i < 3; i++) await rename(who);
  await person();
  await behindTheScenes(server, async (tx) => {
    await without('disable').execute(tx);
    for (const [i, [, forge]] of forgeries.entries()) await forge(tx, people[i]?.workspace.id ?? '');
    await without('enable').execute(tx);
  });
  const found = await Promise.all(people.map(verify));
  expect(found.map(({ broken }) => broken?.position ?? null)).toEqual(
    forgeries.map(([, , position]) => position),
  );
  expect(found.map(({ valid }) => valid)).toEqual(forgeries.map(([, , position]) => position === null));
});

test('nobody changes, deletes or empties the log, not even the owner of the database', async () => {
  const own = await startTestServer();
  await registerPerson(own.url);
  await own.stop();
  const database = await openDatabase(own);
  const tenant = { accountId: undefined, workspaceId: undefined };
  for (const statement of [
    `update audit_entry set ip = '::1'`,
    `delete from audit_entry`,
    `truncate audit_entry`,
    `truncate workspace cascade`,
  ]) {
    const run = (tx: Transaction) => sql.raw(statement).execute(tx);
    await expect(database.asOwner(run), statement).rejects.toThrow(/never changed/);
    await expect(database.asTenant(tenant, run), statement).rejects.toThrow(
      /permission denied|must be owner/,
    );
  }
  await database[Symbol.asyncDispose]();
  await own.close();
});

test('a log goes only with its workspace', async () => {
  const ada = await person();
  const { id } = (await ada.call('POST', '/workspaces', { name: 'Garden' })).body;
  expect((await ada.call('DELETE', `/workspaces/${id}`)).status).toBe(204);
  expect((await readLog(ada))[0]).toMatchObject({ action: 'workspace.deleted', target: `workspace:${id}` });
  const left = await behindTheScenes(server, async (tx) => {
    const { rows } = await sql`select 1 from audit_entry where workspace_id = ${id}`.execute(tx);
    return rows.length;
  });
  expect(left).toBe(0);
});

test.each([
  'from=2016-12-31T23:59:60Z',
  'from=0000-01-01T00:00:00Z',
  'to=0001-01-01T00:00:00%2B14:00',
  'to=9999-12-31T23:59:59-14:00',
  'from=2026-11-20T00:00:00Z[Europe/Paris]',
  'from=yesterday',
  'actor=%00',
  'action=a%00b',
  'target=%00',
])('a query that the database could not hold is refused: %s', async (query) => {
  expect(await (await person()).call('GET', `/audit/logs?${query}`)).toMatchObject({
    status: 400,
    body: { code: 'request.invalid' },
  });
});

test.each(['from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z', 'from=2026-11-20t01:02:03.5%2B01:00'])(
  'every moment of the years 1 to 9999 can be asked for: %s',
  async (query) => {
    expect((await (await person()).call('GET', `/audit/logs?${query}`)).status).toBe(200);
  },
);
