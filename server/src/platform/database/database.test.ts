import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../testing/index.ts';
import { createDatabase, createMigrator, type Database, proveTenancy, type Transaction } from './index.ts';

let server: TestServer;
let folder: string;
let database: Database;

beforeAll(async () => {
  // A server's own database, taken over once the server has let go of it.
  server = await startTestServer();
  await server.stop();
  folder = await mkdtemp(join(tmpdir(), 'alcove-migrations-'));
  database = await createDatabase({
    url: server.databaseUrl,
    directory: join(server.dataDir, 'control'),
    onError: () => {},
  });
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const A = '00000000-0000-7000-8000-00000000000a';
const B = '00000000-0000-7000-8000-00000000000b';
const asAccount = <T>(accountId: string | undefined, work: (tx: Transaction) => Promise<T>) =>
  database.asTenant({ accountId, workspaceId: undefined }, work);
const countAccounts = async (tx: Transaction) =>
  (
    await sql<{ count: number }>`select count(*)::int as count from account where id in (${A}, ${B})`.execute(
      tx,
    )
  ).rows[0]?.count;
const insertAccount = (tx: Transaction, id: string) =>
  sql`insert into account (id, kind, created_at) values (${id}, 'anonymous', now())`.execute(tx);

test('a tenant sees and writes its own rows, nobody its neighbour, and nobody without a tenant any', async () => {
  await database.asOwner(async (tx) => {
    await insertAccount(tx, A);
    await insertAccount(tx, B);
  });
  expect(await asAccount(A, countAccounts)).toBe(1);
  expect(await asAccount(undefined, countAccounts)).toBe(0);
  expect(await database.asOwner(countAccounts)).toBe(2);
  const write = (id: string) =>
    asAccount(A, (tx) => sql`update account set display_name = 'x' where id = ${id}`.execute(tx));
  expect((await write(A)).numAffectedRows).toBe(1n);
  expect((await write(B)).numAffectedRows).toBe(0n);
});

test('a tenant cannot make a row of its neighbour', async () => {
  await expect(
    asAccount(A, (tx) => insertAccount(tx, '00000000-0000-7000-8000-00000000000c')),
  ).rejects.toMatchObject({
    code: '42501',
  });
});

test("a transaction's tenant is gone with it", async () => {
  await asAccount(A, countAccounts);
  const { rows } = await database.asOwner((tx) =>
    sql<{
      role: string;
      account: string;
    }>`select current_user as role, current_setting('alcove.account', true) as account`.execute(tx),
  );
  expect(rows[0]?.role).not.toBe('alcove_app');
  expect(rows[0]?.account || null).toBeNull();
});

test('many transactions at once keep their tenants apart', async () => {
  const counts = await Promise.all(
    Array.from({ length: 40 }, (_, i) => asAccount(i % 2 === 0 ? A : undefined, countAccounts)),
  );
  expect(counts).toEqual(Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 1 : 0)));
});

const isOnPostgres = (process.env.TEST_DATABASE_URL ?? '') !== '';

test.skipIf(!isOnPostgres)('nodes that start together all find the rights of requests in place', async () => {
  for (let round = 0; round < 5; round += 1) {
    await database.asOwner((tx) => sql`revoke usage on schema public from alcove_app, public`.execute(tx));
    const nodes = await Promise.allSettled(
      Array.from({ length: 6 }, () =>
        createDatabase({ url: server.databaseUrl, directory: folder, onError: () => {} }),
      ),
    );
    for (const node of nodes) if (node.status === 'fulfilled') await node.value[Symbol.asyncDispose]();
    expect(nodes.map(({ status }) => status)).toEqual(nodes.map(() => 'fulfilled'));
  }
  expect(await asAccount(A, countAccounts)).toBe(1);
});

test('the start-up proof holds, and finds a table that lost its fence', async () => {
  await proveTenancy(database);
  await database.asOwner((tx) => sql`alter table device disable row level security`.execute(tx));
  await expect(proveTenancy(database)).rejects.toThrow(/table device has no forced policy/);
  await database.asOwner((tx) => sql`alter table device enable row level security`.execute(tx));
  await proveTenancy(database);
});

test('migrations go up and down, a dry run changes nothing, and a newer database is refused', async () => {
  await writeMigration('0001_first', 'one');
  await writeMigration('0002_second', 'two');
  await database.asOwner((tx) =>
    sql`alter table schema_migration rename to schema_migration_kept`.execute(tx),
  );
  const directory = pathToFileURL(`${folder}/`);
  const migrator = await createMigrator(database, directory);
  const names = (plan: { migrations: readonly { name: string }[] }) =>
    plan.migrations.map(({ name }) => name);
  const applied = async () =>
    (await migrator.status()).filter(({ appliedAt }) => appliedAt).map(({ name }) => name);

  expect(names(await migrator.up({ dryRun: true }))).toEqual(['0001_first', '0002_second']);
  expect(await applied()).toEqual([]);
  expect(names(await migrator.up({ to: '0001_first' }))).toEqual(['0001_first']);
  expect(names(await migrator.up())).toEqual(['0002_second']);
  expect(names(await migrator.up())).toEqual([]);
  expect(names(await migrator.down({ dryRun: true }))).toEqual(['0002_second']);
  expect(names(await migrator.down())).toEqual(['0002_second']);
  expect(await applied()).toEqual(['0001_first']);
  await expect(migrator.up({ to: '0009_none' })).rejects.toThrow(/no migration named 0009_none/);

  await database.asOwner((tx) => sql`insert into schema_migration (name) values ('0099_future')`.execute(tx));
  await expect(migrator.up()).rejects.toThrow(/newer Alcove \(it has 0099_future\)/);
  await database.asOwner((tx) => sql`drop table schema_migration, table_of_one`.execute(tx));
  await database.asOwner((tx) =>
    sql`alter table schema_migration_kept rename to schema_migration`.execute(tx),
  );
});

test('a migration that fails takes back everything of its run', async () => {
  const broken = await mkdtemp(join(tmpdir(), 'alcove-broken-'));
  await writeFile(
    join(broken, '0100_good.ts'),
    "export const up = ['create table half (id int)']; export const down = [];",
  );
  await writeFile(join(broken, '0101_bad.ts'), "export const up = ['create table']; export const down = [];");
  await database.asOwner((tx) =>
    sql`alter table schema_migration rename to schema_migration_kept`.execute(tx),
  );
  const migrator = await createMigrator(database, pathToFileURL(`${broken}/`));
  await expect(migrator.up()).rejects.toThrow();
  const { rows } = await database.asOwner((tx) =>
    sql<{ half: string | null }>`select to_regclass('half') as half`.execute(tx),
  );
  expect(rows[0]?.half).toBeNull();
  await database.asOwner((tx) => sql`drop table if exists schema_migration`.execute(tx));
  await database.asOwner((tx) =>
    sql`alter table schema_migration_kept rename to schema_migration`.execute(tx),
  );
  await rm(broken, { recursive: true, force: true });
});

test("this service's own migrations lead up, down to nothing, and up again", async () => {
  const migrator = await createMigrator(database, new URL('../../../migrations/control/', import.meta.url));
  const all = (await migrator.status()).map(({ name }) => name);
  for (const name of [...all].reverse()) {
    expect((await migrator.down()).migrations.map((migration) => migration.name)).toEqual([name]);
  }
  expect((await migrator.up()).migrations).toHaveLength(all.length);
  await proveTenancy(database);
});

async function writeMigration(name: string, table: string): Promise<void> {
  const up = `export const up = ['create table table_of_${table} (id int)'];`;
  await writeFile(
    join(folder, `${name}.ts`),
    `${up}\nexport const down = ['drop table table_of_${table}'];\n`,
  );
}
