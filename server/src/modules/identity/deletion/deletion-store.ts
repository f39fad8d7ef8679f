/** The statements behind leaving. */
import { sql } from 'kysely';
import type { Role, TxCtx } from '../../../context.ts';

export interface MembershipRow {
  readonly workspace_id: string;
  readonly name: string;
  readonly role: Role;
}

/** The account's workspaces, whose members nobody changes until this transaction is over; always in the same order. */
export async function lockMemberships(ctx: TxCtx, accountId: string): Promise<MembershipRow[]> {
  const { rows } = await sql<MembershipRow>`select w.id as workspace_id, w.name, m.role
    from member m join workspace w on w.id = m.workspace_id
    where m.account_id = ${accountId} order by w.id for no key update of w`.execute(ctx.tx);
  return rows;
}

export async function countOthers(
  ctx: TxCtx,
  workspaceId: string,
  accountId: string,
): Promise<{ readonly members: number; readonly owners: number }> {
  const { rows } = await sql<{ members: number; owners: number }>`
    select count(*)::int as members, count(*) filter (where role = 'owner')::int as owners from member
    where workspace_id = ${workspaceId} and account_id <> ${accountId}`.execute(ctx.tx);
  return rows[0] ?? { members: 0, owners: 0 };
}

export async function deleteWorkspace(ctx: TxCtx, id: string): Promise<void> {
  await sql`delete from workspace where id = ${id}`.execute(ctx.tx);
}

/** With everything that hangs on it. */
export async function deleteAccount(ctx: TxCtx, id: string): Promise<void> {
  await sql`delete from account where id = ${id}`.execute(ctx.tx);
}

export async function insertChallenge(
  ctx: TxCtx,
  row: { readonly hash: Buffer; readonly accountId: string; readonly expiresAt: Date },
): Promise<void> {
  await sql`insert into deletion_challenge (hash, account_id, expires_at)
    values (${row.hash}, ${row.accountId}, ${row.expiresAt})`.execute(ctx.tx);
}

/** Takes the challenge away, so that it is signed once. Says whether it was there. */
export async function takeChallenge(
  ctx: TxCtx,
  challenge: { readonly hash: Buffer; readonly accountId: string; readonly now: Date },
): Promise<boolean> {
  const { rows } = await sql`delete from deletion_challenge where hash = ${challenge.hash}
    and account_id = ${challenge.accountId} and expires_at > ${challenge.now} returning hash`.execute(ctx.tx);
  return rows.length === 1;
}

export async function deleteExpiredChallenges(ctx: TxCtx, now: Date): Promise<void> {
  await sql`delete from deletion_challenge where expires_at <= ${now}`.execute(ctx.tx);
}
