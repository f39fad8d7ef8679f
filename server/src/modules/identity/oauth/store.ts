/** The statements behind signing in through other services. */
import type { OAuthProvider } from '@alcove/contract/account';
import { sql } from 'kysely';
import type { TxCtx } from '../../../context.ts';

export interface FlowRow {
  readonly state_hash: Buffer;
  readonly provider: OAuthProvider;
  readonly browser_hash: Buffer;
  readonly redirect: string | null;
  readonly code_challenge: string | null;
  readonly purpose: 'sign-in' | 'link';
  readonly expires_at: Date;
}

export interface CodeRow {
  readonly hash: Buffer;
  readonly account_id: string;
  readonly provider: OAuthProvider;
  readonly code_challenge: string | null;
  readonly expires_at: Date;
}

export async function insertFlow(ctx: TxCtx, row: FlowRow): Promise<void> {
  await sql`insert into oauth_flow
    (state_hash, provider, browser_hash, redirect, code_challenge, purpose, expires_at)
    values (${row.state_hash}, ${row.provider}, ${row.browser_hash}, ${row.redirect}, ${row.code_challenge},
      ${row.purpose}, ${row.expires_at})`.execute(ctx.tx);
}

/** Takes the flow away, so that a state works once, and only in the browser that began it. */
export async function takeFlow(
  ctx: TxCtx,
  flow: Pick<FlowRow, 'state_hash' | 'provider' | 'browser_hash'> & { readonly now: Date },
): Promise<FlowRow | undefined> {
  const { rows } = await sql<FlowRow>`delete from oauth_flow
    where state_hash = ${flow.state_hash} and provider = ${flow.provider}
      and browser_hash = ${flow.browser_hash} and expires_at > ${flow.now} returning *`.execute(ctx.tx);
  return rows[0];
}

export async function findIdentity(
  ctx: TxCtx,
  provider: OAuthProvider,
  subject: string,
): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`select account_id as id from oauth_identity
    where provider = ${provider} and subject = ${subject}`.execute(ctx.tx);
  return rows[0]?.id;
}

/** Two first sign-ins may meet here; says whether this one was first. */
export async function insertIdentity(
  ctx: TxCtx,
  row: {
    readonly provider: OAuthProvider;
    readonly subject: string;
    readonly accountId: string;
    readonly email: string | undefined;
    readonly at: Date;
  },
): Promise<boolean> {
  const { rows } = await sql`insert into oauth_identity (provider, subject, account_id, email, created_at)
    values (${row.provider}, ${row.subject}, ${row.accountId}, ${row.email ?? null}, ${row.at})
    on conflict do nothing returning subject`.execute(ctx.tx);
  return rows.length === 1;
}

export async function insertCode(ctx: TxCtx, row: CodeRow): Promise<void> {
  await sql`insert into oauth_code (hash, account_id, provider, code_challenge, expires_at)
    values (${row.hash}, ${row.account_id}, ${row.provider}, ${row.code_challenge}, ${row.expires_at})`.execute(
    ctx.tx,
  );
}

export async function takeCode(ctx: TxCtx, hash: Buffer, now: Date): Promise<CodeRow | undefined> {
  const { rows } = await sql<CodeRow>`delete from oauth_code
    where hash = ${hash} and expires_at > ${now} returning *`.execute(ctx.tx);
  return rows[0];
}

export async function deleteExpiredFlows(ctx: TxCtx, now: Date): Promise<void> {
  await sql`delete from oauth_flow where expires_at <= ${now}`.execute(ctx.tx);
  await sql`delete from oauth_code where expires_at <= ${now}`.execute(ctx.tx);
}
