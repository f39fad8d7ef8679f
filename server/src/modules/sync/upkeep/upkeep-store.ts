/** The statements behind looking after all vaults: which are behind, which are in trouble, and which one is an account's. */
import { sql } from 'kysely';
import type { TxCtx } from '../../../context.ts';
import type { VaultHome } from '../../../platform/vaults/index.ts';

/** Some vaults that are due `now`; nobody else takes them before `until`. */
export interface Claim {
  readonly now: Date;
  readonly until: Date;
  readonly limit: number;
}

/** Takes vaults that are behind `version`, or in trouble, in the order of their age. */
export async function claimOutdated(ctx: TxCtx, version: number, claim: Claim): Promise<Owned[]> {
  const { rows } = await sql<Owned>`
    update vault set migrate_at = ${claim.until} where account_id in (
      select account_id from vault
      where state = 'ready'
        and (schema_version is null or schema_version < ${version} or trouble_code is not null)
        and (migrate_at is null or migrate_at <= ${claim.now})
      order by migrate_at nulls first, account_id limit ${claim.limit} for update skip locked)
    returning name, account_id as "accountId"`.execute(ctx.tx);
  return rows;
}

const isUntidy = (now: Date) =>
  sql<boolean>`state = 'ready' and tidy_at <= ${now} and trouble_code is null and moving_to is null`;

/** Takes vaults that may have something to forget. */
export async function claimUntidy(ctx: TxCtx, { now, until, limit }: Claim): Promise<Owned[]> {
  const { rows } = await sql<Owned>`
    update vault set tidy_at = ${until} where account_id in (
      select account_id from vault where ${isUntidy(now)}
      order by tidy_at limit ${limit} for update skip locked)
    returning name, account_id as "accountId"`.execute(ctx.tx);
  return rows;
}

/** `nextAt` is when the vault itself says that it is to be tidied again. */
export async function noteTidied(
  ctx: TxCtx,
  name: string,
  { at, nextAt }: { readonly at: Date; readonly nextAt: Date },
): Promise<void> {
  await sql`update vault set tidied_at = ${at}, tidy_at = ${nextAt} where name = ${name}`.execute(ctx.tx);
}

export async function noteMigrated(ctx: TxCtx, name: string, version: number): Promise<void> {
  await sql`update vault set schema_version = ${version}, migrate_at = null, migrate_attempts = null,
    trouble_code = null, trouble_since = null where name = ${name}`.execute(ctx.tx);
}

/** Answers which attempt it was, counted from 1; undefined when the vault has gone meanwhile. */
export async function noteTrouble(
  ctx: TxCtx,
  name: string,
  trouble: { readonly code: string; readonly at: Date },
): Promise<number | undefined> {
  const { rows } = await sql<{ attempts: number }>`update vault
    set migrate_attempts = coalesce(migrate_attempts, 0) + 1, trouble_code = ${trouble.code},
      trouble_since = case when trouble_code = ${trouble.code} then trouble_since else ${trouble.at} end
    where name = ${name} returning migrate_attempts as attempts`.execute(ctx.tx);
  return rows[0]?.attempts;
}

export async function postpone(ctx: TxCtx, name: string, until: Date): Promise<void> {
  await sql`update vault set migrate_at = ${until} where name = ${name}`.execute(ctx.tx);
}

/** Makes every vault in trouble due at once. */
export async function retryTroubled(ctx: TxCtx): Promise<void> {
  await sql`update vault set migrate_at = null where trouble_code is not null`.execute(ctx.tx);
}

export interface Counts {
  readonly total: number;
  readonly current: number;
  readonly troubled: number;
  readonly untidy: number;
}

export async function countVaults(ctx: TxCtx, version: number, now: Date): Promise<Counts> {
  const { rows } = await sql<Counts>`select count(*)::int as total,
      (count(*) filter (where schema_version >= ${version} and trouble_code is null))::int as current,
      (count(*) filter (where trouble_code is not null))::int as troubled,
      (count(*) filter (where ${isUntidy(now)}))::int as untidy
    from vault where state = 'ready'`.execute(ctx.tx);
  if (rows[0] === undefined) throw new Error('counting answers a row');
  return rows[0];
}

export interface VaultRow {
  readonly name: string;
  readonly schema_version: number | null;
  readonly migrate_at: Date | null;
  readonly migrate_attempts: number | null;
  readonly trouble_code: string | null;
  readonly trouble_since: Date | null;
  readonly tidied_at: Date | null;
  readonly tidy_at: Date;
}

export interface VaultFilter {
  readonly after: string | undefined;
  readonly troubled: boolean;
  readonly accountId: string | undefined;
  readonly limit: number;
}

export async function listVaults(ctx: TxCtx, filter: VaultFilter): Promise<VaultRow[]> {
  const { after = null, accountId = null, troubled, limit } = filter;
  const { rows } =
    await sql<VaultRow>`select name, schema_version, migrate_at, migrate_attempts, trouble_code,
      trouble_since, tidied_at, tidy_at from vault
    where state = 'ready' and (${after}::text is null or name > ${after}::text)
      and (${accountId}::uuid is null or account_id = ${accountId}::uuid)
      and (not ${troubled}::boolean or trouble_code is not null)
    order by name limit ${limit}`.execute(ctx.tx);
  return rows;
}

export interface Owned {
  readonly name: string;
  readonly accountId: string;
}

export async function findByName(ctx: TxCtx, name: string): Promise<Owned | undefined> {
  const { rows } = await sql<Owned>`select name, account_id as "accountId" from vault
    where name = ${name}`.execute(ctx.tx);
  return rows[0];
}

/** The account's vault, made here under `name` if it has none yet; undefined when there is no such account. */
export async function findOrInsertOf(
  ctx: TxCtx,
  accountId: string,
  made: { readonly name: string; readonly home: VaultHome; readonly at: Date },
): Promise<Owned | undefined> {
  await sql`insert into vault (account_id, name, state, home, created_at)
    select id, ${made.name}, 'new', ${made.home}, ${made.at} from account where id = ${accountId}
    on conflict (account_id) do nothing`.execute(ctx.tx);
  const { rows } = await sql<Owned>`select name, account_id as "accountId" from vault
    where account_id = ${accountId}`.execute(ctx.tx);
  return rows[0];
}

/** The vault holds a copy that is of this version. Answers whether it still is anybody's. */
export async function noteRestored(ctx: TxCtx, name: string, version: number): Promise<boolean> {
  await noteMigrated(ctx, name, version);
  const { rows } = await sql`update vault set state = 'ready' where name = ${name} returning name`.execute(
    ctx.tx,
  );
  return rows.length > 0;
}
