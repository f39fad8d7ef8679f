/** The nonces of signatures that were used: in the database, because a replay may come to another node or after a restart. */
import { sql } from 'kysely';
import type { TxCtx } from '../../context.ts';

/** Says whether the key had not used it before. A row stands for as long as the signature would hold. */
export async function rememberNonce(
  ctx: TxCtx,
  row: { readonly keyId: string; readonly nonce: string; readonly expiresAt: Date },
): Promise<boolean> {
  const { rows } = await sql`insert into signature_nonce (key_id, nonce, expires_at)
    values (${row.keyId}, ${row.nonce}, ${row.expiresAt})
    on conflict (key_id, nonce) do nothing returning key_id`.execute(ctx.tx);
  return rows.length > 0;
}

export async function deleteExpiredNonces(ctx: TxCtx, before: Date): Promise<void> {
  await sql`delete from signature_nonce where expires_at < ${before}`.execute(ctx.tx);
}
