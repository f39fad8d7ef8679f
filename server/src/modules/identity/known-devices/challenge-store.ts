/** The statements behind challenges that were signed. */
import { sql } from 'kysely';
import type { TxCtx } from '../../../context.ts';

/** Says whether it was not there yet. Of two that come at once the second waits for the first one's commit. */
export async function insertSignedChallenge(
  ctx: TxCtx,
  row: { readonly hash: Buffer; readonly account_id: string; readonly expires_at: Date },
): Promise<boolean> {
  const { rows } = await sql`insert into signed_challenge (hash, account_id, expires_at)
    values (${row.hash}, ${row.account_id}, ${row.expires_at}) on conflict do nothing returning hash`.execute(
    ctx.tx,
  );
  return rows.length === 1;
}

export async function deleteSignedChallengesBefore(ctx: TxCtx, before: Date): Promise<void> {
  await sql`delete from signed_challenge where expires_at < ${before}`.execute(ctx.tx);
}
