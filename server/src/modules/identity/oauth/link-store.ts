/** The statements behind the services that an account may be signed in through. */
import type { OAuthProvider } from '@alcove/contract/account';
import { sql } from 'kysely';
import type { TxCtx } from '../../../context.ts';

export interface LinkCodeRow {
  readonly hash: Buffer;
  readonly provider: OAuthProvider;
  readonly subject: string;
  readonly email: string | null;
  readonly code_challenge: string;
  readonly expires_at: Date;
}

export interface IdentityRow {
  readonly provider: OAuthProvider;
  readonly email: string | null;
  readonly created_at: Date;
}

export async function insertLinkCode(ctx: TxCtx, row: LinkCodeRow): Promise<void> {
  await sql`insert into oauth_link_code (hash, provider, subject, email, code_challenge, expires_at)
    values (${row.hash}, ${row.provider}, ${row.subject}, ${row.email}, ${row.code_challenge},
      ${row.expires_at})`.execute(ctx.tx);
}

export async function takeLinkCode(ctx: TxCtx, hash: Buffer, now: Date): Promise<LinkCodeRow | undefined> {
  const { rows } = await sql<LinkCodeRow>`delete from oauth_link_code
    where hash = ${hash} and expires_at > ${now} returning *`.execute(ctx.tx);
  return rows[0];
}

export async function deleteExpiredLinkCodes(ctx: TxCtx, now: Date): Promise<void> {
  await sql`delete from oauth_link_code where expires_at <= ${now}`.execute(ctx.tx);
}

export async function listIdentities(ctx: TxCtx, accountId: string): Promise<IdentityRow[]> {
  const { rows } = await sql<IdentityRow>`select provider, email, created_at from oauth_identity
    where account_id = ${accountId} order by provider`.execute(ctx.tx);
  return rows;
}

export async function deleteIdentity(
  ctx: TxCtx,
  accountId: string,
  provider: OAuthProvider,
): Promise<boolean> {
  const { rows } = await sql`delete from oauth_identity
    where account_id = ${accountId} and provider = ${provider} returning provider`.execute(ctx.tx);
  return rows.length === 1;
}

export async function deleteIdentities(ctx: TxCtx, accountId: string): Promise<void> {
  await sql`delete from oauth_identity where account_id = ${accountId}`.execute(ctx.tx);
}
