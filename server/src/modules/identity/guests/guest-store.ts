/** Every SQL statement about guests. */
import { sql } from 'kysely';
import type { Role, TxCtx } from '../../../context.ts';
import type { AccountRow } from '../store.ts';

export interface GuestLimits {
  readonly days: number;
  readonly storageBytesMax: number;
}

/** A guest is alone, and has little room. */
export async function limitWorkspace(
  ctx: TxCtx,
  workspaceId: string,
  limits: Pick<GuestLimits, 'storageBytesMax'>,
): Promise<void> {
  await sql`insert into workspace_quota (workspace_id, members_max, invitations_max, storage_bytes_max)
    values (${workspaceId}, 1, 0, ${limits.storageBytesMax})`.execute(ctx.tx);
}

/** From now on the account's own workspace has the room that every workspace has; what it used stays counted. */
export async function unlimitWorkspace(ctx: TxCtx, accountId: string): Promise<void> {
  await sql`update workspace_quota set members_max = null, invitations_max = null, storage_bytes_max = null
    where workspace_id in (select workspace_id from member
      where account_id = ${accountId} and personal)`.execute(ctx.tx);
}

/** The guest, whom nobody else changes until this transaction is over; undefined for every other kind of account. */
export async function lockGuest(ctx: TxCtx, accountId: string): Promise<AccountRow | undefined> {
  const { rows } = await sql<AccountRow>`select * from account
    where id = ${accountId} and kind = 'guest' for update`.execute(ctx.tx);
  return rows[0];
}

/** Makes a guest an account with a password, unless another account has the address: then undefined. */
export async function convertGuest(
  ctx: TxCtx,
  accountId: string,
  to: { readonly email: string; readonly displayName: string | null },
): Promise<AccountRow | undefined> {
  const { rows } = await sql<AccountRow>`update account
    set kind = 'password', email = ${to.email}, expires_at = null,
      display_name = coalesce(${to.displayName}, display_name)
    where id = ${accountId} and not exists (select from account other where other.email = ${to.email})
    returning *`.execute(ctx.tx);
  return rows[0];
}

export interface MembershipRow {
  readonly workspace_id: string;
  readonly role: Role;
  readonly personal: boolean;
}

export async function listMemberships(ctx: TxCtx, accountId: string): Promise<MembershipRow[]> {
  const { rows } = await sql<MembershipRow>`select workspace_id, role, personal from member
    where account_id = ${accountId} order by workspace_id`.execute(ctx.tx);
  return rows;
}

/** Makes whatever changes the workspace's members take turns. */
export async function lockWorkspace(ctx: TxCtx, id: string): Promise<void> {
  await sql`select from workspace where id = ${id} for update`.execute(ctx.tx);
}

/** Puts another account in the place of a member. Where both are members, the one that stays gets the higher role. */
export async function handOver(
  ctx: TxCtx,
  membership: Pick<MembershipRow, 'workspace_id' | 'role'>,
  to: { readonly accountId: string; readonly at: Date },
): Promise<void> {
  const rank = (role: 'member.role' | 'excluded.role') =>
    sql`array_position(array['viewer', 'member', 'admin', 'owner'], ${sql.ref(role)})`;
  await sql`insert into member (workspace_id, account_id, role, personal, created_at)
    values (${membership.workspace_id}, ${to.accountId}, ${membership.role}, false, ${to.at})
    on conflict (workspace_id, account_id) do update set role = excluded.role
      where ${rank('excluded.role')} > ${rank('member.role')}`.execute(ctx.tx);
}

export async function renameWorkspace(ctx: TxCtx, id: string, name: string): Promise<void> {
  await sql`update workspace set name = ${name} where id = ${id}`.execute(ctx.tx);
}

export async function deleteAccount(ctx: TxCtx, id: string): Promise<void> {
  await sql`delete from account where id = ${id}`.execute(ctx.tx);
}

/** Some guests whose time is over, in the order of their ids. */
export async function listExpiredGuests(
  ctx: TxCtx,
  now: Date,
  page: { readonly after: string | undefined; readonly limit: number },
): Promise<{ id: string }[]> {
  const after = page.after ?? null;
  const { rows } = await sql<{ id: string }>`select id from account
    where kind = 'guest' and expires_at <= ${now} and (${after}::uuid is null or id > ${after}::uuid)
    order by id limit ${page.limit}`.execute(ctx.tx);
  return rows;
}
