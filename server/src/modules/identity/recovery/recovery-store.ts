/** The statements behind recovery keys. */
import { sql } from 'kysely';
import type { TxCtx } from '../../../context.ts';
import type { DeviceRow, NewDeviceRow } from '../store.ts';

export interface RecoveryRow extends DeviceRow {
  readonly recovery_blob: string | null;
}

/** The recovery key of the account, of which there is one at most. */
export async function findRecovery(ctx: TxCtx, accountId: string): Promise<RecoveryRow | undefined> {
  const { rows } = await sql<RecoveryRow>`select * from device
    where account_id = ${accountId} and kind = 'recovery' and revoked_at is null`.execute(ctx.tx);
  return rows[0];
}

/** Answers nothing when these keys were used before, by whomever: their id follows from them. */
export async function insertRecovery(
  ctx: TxCtx,
  row: NewDeviceRow & Pick<RecoveryRow, 'recovery_blob'>,
): Promise<RecoveryRow | undefined> {
  const { rows } = await sql<RecoveryRow>`insert into device
    (id, account_id, kind, name, platform, encryption_key, signing_key, fingerprint, endorsed_by, created_at, recovery_blob)
    values (${row.id}, ${row.account_id}, 'recovery', ${row.name}, ${row.platform},
      ${JSON.stringify(row.encryption_key)}::text::jsonb, ${JSON.stringify(row.signing_key)}::text::jsonb,
      ${row.fingerprint}, ${row.endorsed_by}, ${row.created_at}, ${row.recovery_blob})
    on conflict (id) do nothing returning *`.execute(ctx.tx);
  return rows[0];
}
