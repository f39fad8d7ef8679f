/** Row level security on every table that holds something of a tenant, whoever added the table. */
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, proveTenancy, type Transaction } from '../src/platform/database/index.ts';
import {
  openDatabase,
  type Person,
  registerPerson,
  startTestServer,
  type TestServer,
} from '../src/testing/index.ts';
import { createTenant, type Tenant } from './walls/tenant.ts';

let server: TestServer;
let database: Database;
let ada: Tenant;
let stranger: Person;
beforeAll(async () => {
  server = await startTestServer();
  ada = await createTenant(server.url);
  stranger = await registerPerson(server.url);
  await server.stop();
  database = await openDatabase(server);
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await server.close();
});

interface Table {
  readonly name: string;
  readonly owned_by: readonly ('workspace_id' | 'account_id')[];
  readonly forced: boolean;
  readonly rules: readonly string[];
}

/** Every table with a column that names a tenant, and the rules that its policies hold callers to. */
async function readTables(tx: Transaction): Promise<readonly Table[]> {
  const { rows } = await sql<Table>`
    select c.relname as name,
      (select array_agg(a.attname::text) from pg_attribute a where a.attrelid = c.oid and not a.attisdropped
        and a.attname in ('workspace_id', 'account_id')) as owned_by,
      c.relrowsecurity and c.relforcerowsecurity as forced,
      coalesce((select array_agg(coalesce(p.qual, '') || coalesce(p.with_check, '')) from pg_policies p
        where p.schemaname = 'public' and p.tablename = c.relname and p.roles <> array[current_user]), '{}') as rules
    from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'public'
    where c.relkind in ('r', 'p') order by 1`.execute(tx);
  return rows.filter(({ owned_by }) => owned_by !== null);
}

const tables = () => database.asOwner(readTables);
const countRows = async (tx: Transaction, table: string, where = sql`true`) => {
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from ${sql.table(table)}
    where ${where}`.execute(tx);
  return rows[0]?.count ?? 0;
};

test('every table of tenants is fenced by a forced policy that looks at who is asking', async () => {
  const found = await tables();
  expect(found.length).toBeGreaterThan(10);
  for (const { name, forced, rules } of found) {
    expect(forced, `table ${name} has no forced row level security`).toBe(true);
    expect(rules.length, `table ${name} has no policy for callers`).toBeGreaterThan(0);
    for (const rule of rules)
      expect(rule, `a policy of ${name} does not look at the tenant`).toMatch(/alcove\.|FROM member/);
  }
});

test('nobody sees a row of somebody else, in any table', async () => {
  const tenant = { accountId: stranger.account.id, workspaceId: stranger.workspace.id };
  const filled = new Set<string>();
  for (const { name, owned_by } of await tables()) {
    const foreign = sql.join(
      owned_by.map((column) =>
        column === 'account_id'
          ? sql`account_id is not null and account_id <> ${stranger.account.id}`
          : sql`workspace_id <> ${stranger.workspace.id}`,
      ),
      sql` and `,
    );
    if ((await database.asOwner((tx) => countRows(tx, name, foreign))) > 0) filled.add(name);
    const seen = await database.asTenant(tenant, async (tx) => {
      await requireReadable(tx, name);
      return countRows(tx, name, foreign);
    });
    expect(seen, `rows of others in ${name}`).toBe(0);
  }
  // A table that nobody put anything into proves nothing: these have to be among those that were tried.
  expect([...filled]).toEqual(
    expect.arrayContaining(['audit_entry', 'device', 'event', 'invitation', 'member', 'session']),
  );
});

test('whoever is nobody sees nothing of any tenant', async () => {
  for (const { name, owned_by } of await tables()) {
    const owned = sql.join(
      owned_by.map((column) => sql`${sql.ref(column)} is not null`),
      sql` and `,
    );
    const seen = await database.asTenant({ accountId: undefined, workspaceId: undefined }, async (tx) => {
      await requireReadable(tx, name);
      return countRows(tx, name, owned);
    });
    expect(seen, `rows in ${name}`).toBe(0);
  }
});

test('nobody can make themselves a member of a workspace from outside', async () => {
  const tenant = { accountId: stranger.account.id, workspaceId: stranger.workspace.id };
  const join = database.asTenant(tenant, (tx) =>
    sql`insert into member (workspace_id, account_id, role, created_at)
      values (${ada.person.workspace.id}, ${stranger.account.id}, 'owner', now())`.execute(tx),
  );
  await expect(join).rejects.toMatchObject({ code: '42501' });
});

test('a table without a fence is found, and the service would not start', async () => {
  const make = (tx: Transaction) =>
    sql`create table unfenced (id uuid primary key, workspace_id uuid not null)`.execute(tx);
  await database.asOwner(make);
  expect((await tables()).find(({ name }) => name === 'unfenced')).toMatchObject({
    forced: false,
    rules: [],
  });
  await expect(proveTenancy(database)).rejects.toThrow(/table unfenced has no forced policy/);
  await database.asOwner((tx) => sql`drop table unfenced`.execute(tx));
});

/** A table that callers may not read at all is fenced better still; in this copy of the database they may. */
async function requireReadable(tx: Transaction, table: string): Promise<void> {
  const { rows } = await sql<{ readable: boolean }>`
    select has_table_privilege('alcove_app', ${table}, 'select') as readable`.execute(tx);
  if (rows[0]?.readable === true) return;
  await sql`select set_config('role', 'none', true)`.execute(tx);
  await sql`grant select on ${sql.table(table)} to alcove_app`.execute(tx);
  await sql`select set_config('role', 'alcove_app', true)`.execute(tx);
}
