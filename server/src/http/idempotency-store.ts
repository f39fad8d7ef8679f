/** The statements behind Idempotency-Key. */
import { sql } from 'kysely';
import type { TxCtx } from '../context.ts';

/** What makes two requests the same attempt: the same key of the same caller on the same route. */
export interface Attempt {
  readonly actor: string;
  readonly method: string;
  readonly route: string;
  readonly key: string;
}

export interface ClaimRow {
  readonly fingerprint: Buffer;
  /** Whoever holds this value holds the claim. */
  readonly fence: string;
  readonly leased_until: Date | null;
  readonly answer: Buffer | null;
}

interface Claim {
  readonly fingerprint: Buffer;
  readonly fence: string;
  readonly leasedUntil: Date;
  readonly expiresAt: Date;
}

/**
 * Takes the key, if it is free or its holder's lease has run out, and answers the row as it now is: it carries our own
 * fence if the key is ours.
 */
export async function claim(ctx: TxCtx, attempt: Attempt, mine: Claim, now: Date): Promise<ClaimRow> {
  const { actor, method, route, key } = attempt;
  await sql`
    insert into idempotent_request (actor, method, route, key, fingerprint, fence, leased_until, expires_at)
    values (${actor}, ${method}, ${route}, ${key}, ${mine.fingerprint}, ${mine.fence}, ${mine.leasedUntil}, ${mine.expiresAt})
    on conflict (actor, method, route, key) do update
      set fingerprint = excluded.fingerprint, fence = excluded.fence, leased_until = excluded.leased_until,
        answer = null, expires_at = excluded.expires_at
      where idempotent_request.expires_at <= ${now}
        or (idempotent_request.leased_until <= ${now}
          and idempotent_request.fingerprint = excluded.fingerprint)`.execute(ctx.tx);
  const { rows } = await sql<ClaimRow>`select fingerprint, fence, leased_until, answer from idempotent_request
    where actor = ${actor} and method = ${method} and route = ${route} and key = ${key}`.execute(ctx.tx);
  const [row] = rows;
  if (row === undefined) throw new Error('a claim that was just made is not there');
  return row;
}

/** Keeps the answer, unless the lease ran out and somebody else took the key: then it says so. */
export async function keepAnswer(ctx: TxCtx, fence: string, answer: Buffer): Promise<boolean> {
  const { rows } = await sql`update idempotent_request set answer = ${answer}, leased_until = null
    where fence = ${fence} and answer is null returning key`.execute(ctx.tx);
  return rows.length === 1;
}

export async function release(ctx: TxCtx, fence: string): Promise<void> {
  await sql`delete from idempotent_request where fence = ${fence} and answer is null`.execute(ctx.tx);
}

export async function deleteExpiredRequests(ctx: TxCtx, now: Date): Promise<void> {
  await sql`delete from idempotent_request where expires_at <= ${now}`.execute(ctx.tx);
}
