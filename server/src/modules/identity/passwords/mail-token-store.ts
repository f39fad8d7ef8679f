/** The statements behind the codes that letters carry. */
import { sql } from 'kysely';
import type { TxCtx } from '../../../context.ts';

export type Purpose = 'verify' | 'reset';

export interface MailTokenRow {
  readonly hash: Buffer;
  readonly account_id: string;
  readonly purpose: Purpose;
  /** The address that the letter went to, which the code proves. */
  readonly email: string;
  readonly created_at: Date;
  readonly expires_at: Date;
}

export async function insertMailToken(ctx: TxCtx, row: MailTokenRow): Promise<void> {
  await sql`insert into mail_token (hash, account_id, purpose, email, created_at, expires_at)
    values (${row.hash}, ${row.account_id}, ${row.purpose}, ${row.email}, ${row.created_at}, ${row.expires_at})`.execute(
    ctx.tx,
  );
}

export async function findMailToken(
  ctx: TxCtx,
  token: { readonly hash: Buffer; readonly purpose: Purpose; readonly now: Date },
): Promise<MailTokenRow | undefined> {
  const { rows } = await sql<MailTokenRow>`select * from mail_token
    where hash = ${token.hash} and purpose = ${token.purpose} and expires_at > ${token.now}`.execute(ctx.tx);
  return rows[0];
}

/** Takes the code away: of two that bring it, one gets it. */
export async function takeMailToken(
  ctx: TxCtx,
  token: { readonly hash: Buffer; readonly purpose: Purpose; readonly now: Date },
): Promise<MailTokenRow | undefined> {
  const { rows } = await sql<MailTokenRow>`delete from mail_token
    where hash = ${token.hash} and purpose = ${token.purpose} and expires_at > ${token.now} returning *`.execute(
    ctx.tx,
  );
  return rows[0];
}

/** When the account's codes of that kind were made since then, the newest first. */
export async function listMailTokenTimes(
  ctx: TxCtx,
  accountId: string,
  purpose: Purpose,
  since: Date,
): Promise<Date[]> {
  const { rows } = await sql<{ at: Date }>`select created_at as at from mail_token
    where account_id = ${accountId} and purpose = ${purpose} and created_at > ${since}
    order by created_at desc`.execute(ctx.tx);
  return rows.map(({ at }) => at);
}

export async function deleteMailTokens(ctx: TxCtx, accountId: string, purpose: Purpose): Promise<void> {
  await sql`delete from mail_token where account_id = ${accountId} and purpose = ${purpose}`.execute(ctx.tx);
}

/** The account's codes that went to another address than it has now. */
export async function deleteMailTokensToOtherAddresses(ctx: TxCtx, accountId: string): Promise<void> {
  await sql`delete from mail_token t using account a
    where t.account_id = ${accountId} and a.id = t.account_id and t.email <> a.email`.execute(ctx.tx);
}

export async function deleteMailTokensExpiredAt(ctx: TxCtx, now: Date): Promise<void> {
  await sql`delete from mail_token where expires_at <= ${now}`.execute(ctx.tx);
}
