/** The statements that count attempts to sign in. */
import { sql } from 'kysely';
import type { TxCtx } from '../../../context.ts';

export interface Counting {
  readonly now: Date;
  /** Failures before this are forgotten. */
  readonly since: Date;
  /** So many may fail before waiting begins. */
  readonly freeFailures: number;
  readonly waitSecondsMax: number;
}

/**
 * Counts one attempt as failed until it turns out to be right, so that a hundred at once are a hundred. Answers until when
 * none is allowed; undefined when this one is.
 */
export async function countAttempt(
  ctx: TxCtx,
  login: Buffer,
  { now, since, freeFailures, waitSecondsMax }: Counting,
): Promise<Date | undefined> {
  const { rows: counted } = await sql`
    insert into login_attempt as known (login_hash, failures, blocked_until, last_at)
    values (${login}, 1, ${now}, ${now})
    on conflict (login_hash) do update set
      failures = case when known.last_at < ${since} then 1 else known.failures + 1 end,
      blocked_until = case
        when known.last_at < ${since} or known.failures < ${freeFailures}::int then ${now}::timestamptz
        else ${now}::timestamptz + make_interval(secs => least(
          power(2, least(known.failures + 1 - ${freeFailures}::int, 20)), ${waitSecondsMax}::int)) end,
      last_at = ${now}
    where known.blocked_until <= ${now}
    returning failures`.execute(ctx.tx);
  if (counted.length === 1) return undefined;
  const { rows } = await sql<{ until: Date }>`select blocked_until as until from login_attempt
    where login_hash = ${login}`.execute(ctx.tx);
  return rows[0]?.until ?? now;
}

export async function deleteAttempts(ctx: TxCtx, login: Buffer): Promise<void> {
  await sql`delete from login_attempt where login_hash = ${login}`.execute(ctx.tx);
}

export async function deleteAttemptsBefore(ctx: TxCtx, before: Date): Promise<void> {
  await sql`delete from login_attempt where last_at < ${before}`.execute(ctx.tx);
}
