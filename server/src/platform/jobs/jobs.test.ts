import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { asSystem, inTransaction, systemCtx } from '../../context.ts';
import { copyTemplate } from '../../testing/template.ts';
import { createDatabase, type Database } from '../database/index.ts';
import { createLogger } from '../telemetry/index.ts';
import { createJobs, type Jobs } from './index.ts';

const log = createLogger({ level: 'silent' });
const done: string[] = [];
const opened = new AsyncDisposableStack();
let database: Database;
let jobs: Jobs;

beforeAll(async () => {
  const copy = await copyTemplate();
  opened.defer(() => copy.remove());
  const directory = join(copy.dataDir, 'control');
  database = opened.use(await createDatabase({ url: copy.database, directory, onError: () => undefined }));
  jobs = opened.use(await createJobs({ database, log }));
  const run = async ({ what = '' }) => {
    done.push(what);
  };
  await jobs.start({ jobs: [], tasks: [{ name: 'test.note', run }] });
});
afterAll(() => opened.disposeAsync());

const ctx = () => systemCtx({ log, database, signal: new AbortController().signal, id: 'test' });

test('a task that is asked for in a transaction happens soon after its commit', async () => {
  await asSystem(ctx(), (tx) => jobs.enqueue(tx, 'test.note', { what: 'kept' }));
  await vi.waitFor(() => expect(done).toContain('kept'), 5000);
});

test('a task of a transaction that is taken back never happens', async () => {
  const undone = asSystem(ctx(), async (tx) => {
    await jobs.enqueue(tx, 'test.note', { what: 'undone' });
    throw new Error('no');
  });
  await expect(undone).rejects.toThrow('no');
  await asSystem(ctx(), (tx) => jobs.enqueue(tx, 'test.note', { what: 'later' }));
  await vi.waitFor(() => expect(done).toContain('later'), 5000);
  expect(done).not.toContain('undone');
});

test("a tenant's transaction may ask for a task and is the tenant's again afterwards", async () => {
  const role = await inTransaction(ctx(), async (tx) => {
    await jobs.enqueue(tx, 'test.note', { what: 'of a tenant' });
    return (await sql<{ role: string }>`select current_user as role`.execute(tx.tx)).rows[0]?.role;
  });
  expect(role).toBe('alcove_app');
  await vi.waitFor(() => expect(done).toContain('of a tenant'), 5000);
});

test('twenty tasks at once each happen once', async () => {
  const names = Array.from({ length: 20 }, (_, at) => `of many ${at}`);
  await Promise.all(names.map((what) => asSystem(ctx(), (tx) => jobs.enqueue(tx, 'test.note', { what }))));
  await vi.waitFor(() => expect(done).toEqual(expect.arrayContaining(names)), 8000);
  expect(done.filter((what) => what.startsWith('of many'))).toHaveLength(20);
});

test('asking for a task that nobody does fails the transaction', async () => {
  await expect(asSystem(ctx(), (tx) => jobs.enqueue(tx, 'test.unknown', {}))).rejects.toThrow('nobody does');
});
