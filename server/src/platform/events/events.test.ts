import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase, startTestServer, type TestServer } from '../../testing/index.ts';
import { systemClock } from '../clock/index.ts';
import type { Database, Transaction } from '../database/index.ts';
import { createIds } from '../ids/index.ts';
import { createEvents } from './index.ts';

let server: TestServer;
let database: Database;
beforeAll(async () => {
  server = await startTestServer();
  await server.stop();
  database = await openDatabase(server);
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await server.close();
});

const clock = systemClock;
const ids = createIds(clock);
const events = createEvents<{ readonly tx: Transaction }>({ clock, ids, actorOf: () => 'system' });
const happened = (workspaceId: string, id = '1') => ({
  type: 'thing.happened',
  workspaceId,
  subject: { type: 'thing', id },
});
const append = (workspaceId: string, id?: string) =>
  database.asOwner((tx) => events.append({ tx }, happened(workspaceId, id)));
const read = (workspaceId: string) =>
  database.asOwner(async (tx) => {
    const { rows } = await sql<{ seq: number; subject_id: string }>`select * from event
      where workspace_id = ${workspaceId} order by seq`.execute(tx);
    return rows;
  });

test('an event keeps what happened, to what, by whom', async () => {
  const workspaceId = ids.uuid();
  await database.asOwner((tx) =>
    events.append({ tx }, { ...happened(workspaceId, '7'), data: { count: 2 }, actor: 'account:x' }),
  );
  expect(await read(workspaceId)).toMatchObject([
    {
      seq: 1,
      type: 'thing.happened',
      subject_type: 'thing',
      subject_id: '7',
      actor: 'account:x',
      data: { count: 2 },
    },
  ]);
});

test('events at once are numbered without a gap, each workspace for itself', async () => {
  const [here, there] = [ids.uuid(), ids.uuid()];
  await Promise.all(Array.from({ length: 20 }, (_, i) => append(i % 2 === 0 ? here : there, String(i))));
  const numbers = async (workspaceId: string) => (await read(workspaceId)).map(({ seq }) => seq);
  expect(await numbers(here)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(await numbers(there)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test('a transaction that is taken back leaves neither an event nor a gap', async () => {
  const workspaceId = ids.uuid();
  const broken = database.asOwner(async (tx) => {
    await events.append({ tx }, happened(workspaceId, 'lost'));
    throw new Error('taken back');
  });
  await expect(broken).rejects.toThrow('taken back');
  await append(workspaceId, 'kept');
  expect(await read(workspaceId)).toMatchObject([{ seq: 1, subject_id: 'kept' }]);
});

test('what was forgotten is gone, and the numbering goes on', async () => {
  const workspaceId = ids.uuid();
  await append(workspaceId);
  await append(workspaceId);
  await database.asOwner(async (tx) => {
    await events.forget({ tx }, workspaceId);
    await events.append({ tx }, happened(workspaceId, 'last'));
  });
  expect(await read(workspaceId)).toMatchObject([{ seq: 3, subject_id: 'last' }]);
});

test('a tenant appends only to workspaces that it belongs to', async () => {
  const tenant = { accountId: ids.uuid(), workspaceId: ids.uuid() };
  const foreign = database.asTenant(tenant, (tx) => events.append({ tx }, happened(ids.uuid())));
  await expect(foreign).rejects.toMatchObject({ code: '42501' });
});
