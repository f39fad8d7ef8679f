/** What passwords and mail addresses change about an account. */
import { sql } from 'kysely';
import type { TxCtx } from '../../../context.ts';
import type { AccountRow } from '../store.ts';

/** The address was proven. Says whether that was the first time; not so when it is not the account's any more. */
export async function markEmailVerified(
  ctx: TxCtx,
  accountId: string,
  email: string,
  at: Date,
): Promise<boolean> {
  const { rows } = await sql`update account set email_verified_at = ${at}
    where id = ${accountId} and email = ${email} and email_verified_at is null returning id`.execute(ctx.tx);
  return rows.length === 1;
}

/** Gives the account a proven address, unless another has it: then undefined. */
export async function setVerifiedEmail(
  ctx: TxCtx,
  accountId: string,
  email: string,
  at: Date,
): Promise<AccountRow | undefined> {
  const { rows } = await sql<AccountRow>`update account set email = ${email}, email_verified_at = ${at}
    where id = ${accountId} and not exists (select from account other
      where other.email = ${email} and other.id <> ${accountId})
    returning *`.execute(ctx.tx);
  return rows[0];
}

export async function setDisplayName(ctx: TxCtx, accountId: string, name: string | null): Promise<void> {
  await sql`update account set display_name = ${name} where id = ${accountId}`.execute(ctx.tx);
}

/** Two at once may both find an address free; the index then refuses the second. */
export function isTakenMeanwhile(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '23505';
}
