import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { behindTheScenes, registerPerson, startTestServer, type TestServer } from '../../testing/index.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

interface Row {
  readonly seq: number;
  readonly type: string;
  readonly actor: string;
  readonly subject_id: string;
  readonly data: unknown;
}

const read = (workspaceId: string) =>
  behindTheScenes(server, async (tx) => {
    const { rows } = await sql<Row>`select seq, type, actor, subject_id, data from event
      where workspace_id = ${workspaceId} order by seq`.execute(tx);
    return rows;
  });

test('what happens in a workspace is announced in its order, and what is refused is not', async () => {
  const [ada, bob] = [await registerPerson(server.url), await registerPerson(server.url)];
  const { id } = (await ada.call('POST', '/workspaces', { name: 'Garden' })).body;
  const path = `/workspaces/${id}`;
  const invited = await ada.call('POST', `${path}/invitations`, { email: 'b@example.com', role: 'viewer' });
  await bob.call('POST', '/workspaces/invitations/accept', { token: invited.body.token });
  await bob.call('PATCH', path, { name: 'Taken' });
  await ada.call('PATCH', path, { name: 'Yard' });
  const member = `${path}/members/${bob.account.id}`;
  await ada.call('PATCH', member, { role: 'member' });
  await ada.call('PATCH', member, { role: 'member' });
  await ada.call('DELETE', member);
  await ada.call('DELETE', `${path}/members/${ada.account.id}`);

  const [byAda, byBob] = [`account:${ada.account.id}`, `account:${bob.account.id}`];
  expect(await read(id)).toEqual([
    { seq: 1, type: 'workspace.created', actor: byAda, subject_id: id, data: {} },
    { seq: 2, type: 'member.added', actor: byBob, subject_id: bob.account.id, data: { role: 'viewer' } },
    { seq: 3, type: 'workspace.updated', actor: byAda, subject_id: id, data: {} },
    {
      seq: 4,
      type: 'member.changed',
      actor: byAda,
      subject_id: bob.account.id,
      data: { role: 'member', previousRole: 'viewer' },
    },
    { seq: 5, type: 'member.removed', actor: byAda, subject_id: bob.account.id, data: {} },
  ]);
});

test('of a deleted workspace nothing is left but the word that it is gone', async () => {
  const ada = await registerPerson(server.url);
  const { id } = (await ada.call('POST', '/workspaces', { name: 'Garden' })).body;
  await ada.call('PATCH', `/workspaces/${id}`, { name: 'Yard' });
  await ada.call('DELETE', `/workspaces/${id}`);
  expect(await read(id)).toMatchObject([{ seq: 3, type: 'workspace.deleted' }]);
});

test('a new account is announced in the personal workspace', async () => {
  const ada = await registerPerson(server.url);
  expect(await read(ada.workspace.id)).toMatchObject([
    { seq: 1, type: 'workspace.created', actor: `account:${ada.account.id}`, data: { personal: true } },
  ]);
});
