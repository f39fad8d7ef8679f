/** The role that requests run as, and the proof that it cannot see another tenant's rows. */
import { sql } from 'kysely';
import type { Database, Transaction } from './database.ts';

/** Any number that no other part of the service locks. */
const roleLock = 4_202_611_201n;

/**
 * Roles belong to the whole PostgreSQL cluster, so this is no migration of one database. Nodes that start together take
 * turns; those of other databases in the cluster may still try at once, and the loser's error is swallowed by the block.
 */
export async function ensureAppRole(tx: Transaction): Promise<void> {
  await sql`select pg_advisory_xact_lock(${sql.lit(roleLock)}::bigint)`.execute(tx);
  await sql`
    do $$ begin
      if not exists (select from pg_roles where rolname = 'alcove_app') then
        create role alcove_app nologin;
      end if;
      if not pg_has_role(current_user, 'alcove_app', 'member') then
        grant alcove_app to current_user;
      end if;
    exception when duplicate_object or unique_violation then null;
    end $$`.execute(tx);
  await sql`
    do $$ begin
      if not has_schema_privilege('alcove_app', 'public', 'usage') then
        grant usage on schema public to alcove_app;
      end if;
    end $$`.execute(tx);
}

/**
 * Refuses to go on unless row level security really holds here: by trying it, and by looking at every table that
 * carries a tenant. A superuser login, a lost policy or a table owned by the wrong role all end here.
 */
export async function proveTenancy(database: Database): Promise<void> {
  const failures = [...(await tryToCross(database)), ...(await findUnfencedTables(database))];
  if (failures.length > 0) {
    throw new Error(
      `The walls between tenants do not hold, so the service does not start: ${failures.join('; ')}.`,
    );
  }
}

class Undo extends Error {}

async function tryToCross(database: Database): Promise<string[]> {
  const failures: string[] = [];
  await database
    .asOwner(async (tx) => {
      await sql`create table alcove_fence_probe (workspace_id uuid not null)`.execute(tx);
      await sql`alter table alcove_fence_probe enable row level security, force row level security`.execute(
        tx,
      );
      await sql`create policy owner on alcove_fence_probe to current_user using (true)`.execute(tx);
      await sql`create policy fence on alcove_fence_probe to alcove_app
        using (workspace_id = nullif(current_setting('alcove.workspace', true), '')::uuid)`.execute(tx);
      await sql`grant select on alcove_fence_probe to alcove_app`.execute(tx);
      await sql`insert into alcove_fence_probe select gen_random_uuid() from generate_series(1, 2)`.execute(
        tx,
      );
      const mine = await sql<{
        id: string;
      }>`select workspace_id as id from alcove_fence_probe limit 1`.execute(tx);
      await sql`select set_config('role', 'alcove_app', true)`.execute(tx);
      if ((await countProbes(tx, '')) !== 0) failures.push('without a tenant, rows are visible');
      if ((await countProbes(tx, mine.rows[0]?.id ?? '')) !== 1)
        failures.push("another tenant's rows are visible");
      throw new Undo();
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undo)) throw error;
    });
  return failures;
}

async function countProbes(tx: Transaction, workspaceId: string): Promise<number> {
  await sql`select set_config('alcove.workspace', ${workspaceId}, true)`.execute(tx);
  const { rows } = await sql<{
    count: number;
  }>`select count(*)::int as count from alcove_fence_probe`.execute(tx);
  return rows[0]?.count ?? -1;
}

async function findUnfencedTables(database: Database): Promise<string[]> {
  const { rows } = await database.asOwner((tx) =>
    sql<{ name: string }>`
      select c.relname as name from pg_class c
      join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'public'
      where c.relkind in ('r', 'p')
        and exists (select from pg_attribute a
          where a.attrelid = c.oid and a.attname in ('workspace_id', 'account_id') and not a.attisdropped)
        and not (c.relrowsecurity and c.relforcerowsecurity
          and exists (select from pg_policy p where p.polrelid = c.oid))
      order by 1`.execute(tx),
  );
  return rows.map(({ name }) => `table ${name} has no forced policy`);
}
