/** The statements behind passwords. */
import { sql } from 'kysely';
import type { TxCtx } from '../../../context.ts';

export interface CredentialRow {
  readonly account_id: string;
  /** PHC string. */
  readonly hash: string;
  readonly email: string;
}

export async function insertCredential(
  ctx: TxCtx,
  row: { readonly accountId: string; readonly hash: string; readonly at: Date },
): Promise<void> {
  await sql`insert into password (account_id, hash, changed_at)
    values (${row.accountId}, ${row.hash}, ${row.at})`.execute(ctx.tx);
}

export async function findCredentialByEmail(ctx: TxCtx, email: string): Promise<CredentialRow | undefined> {
  const { rows } = await sql<CredentialRow>`select p.account_id, p.hash, a.email
    from account a join password p on p.account_id = a.id where a.email = ${email}`.execute(ctx.tx);
  return rows[0];
}

export async function findCredential(ctx: TxCtx, accountId: string): Promise<CredentialRow | undefined> {
  const { rows } = await sql<CredentialRow>`select p.account_id, p.hash, a.email
    from account a join password p on p.account_id = a.id where a.id = ${accountId}`.execute(ctx.tx);
  return rows[0];
}

/** The same, and nobody changes it until this transaction is over. */
export async function holdCredential(ctx: TxCtx, accountId: string): Promise<CredentialRow | undefined> {
  const { rows } = await sql<CredentialRow>`select p.account_id, p.hash, a.email
    from account a join password p on p.account_id = a.id where a.id = ${accountId} for update of p`.execute(
    ctx.tx,
  );
  return rows[0];
}

/** Puts a new hash in the place of one that was seen before. Says whether that one was still there. */
export async function replaceHash(
  ctx: TxCtx,
  row: { readonly accountId: string; readonly from: string; readonly to: string; readonly at: Date },
): Promise<boolean> {
  const { rows } = await sql`update password set hash = ${row.to}, changed_at = ${row.at}
    where account_id = ${row.accountId} and hash = ${row.from} returning account_id`.execute(ctx.tx);
  return rows.length === 1;
}

export async function setHash(ctx: TxCtx, accountId: string, hash: string, at: Date): Promise<void> {
  await sql`update password set hash = ${hash}, changed_at = ${at}
    where account_id = ${accountId}`.execute(ctx.tx);
}
