import { sql } from 'kysely';
import type { TxCtx } from '../../context.ts';
import type { DeviceRow, SessionRow } from './store.ts';

export interface ListedSessionRow extends SessionRow {
  readonly device_name: DeviceRow['name'] | null;
  readonly device_platform: DeviceRow['platform'] | null;
}

/** The sessions that stand: not ended, not expired, and from no device that was revoked. The newest first. */
export async function listStandingSessions(
  ctx: TxCtx,
  accountId: string,
  now: Date,
  page: { readonly before: string | undefined; readonly limit: number },
): Promise<ListedSessionRow[]> {
  const before = page.before ?? null;
  const { rows } = await sql<ListedSessionRow>`
    select s.*, d.name as device_name, d.platform as device_platform
    from session s left join device d on d.id = s.device_id
    where s.account_id = ${accountId} and s.ended_at is null and d.revoked_at is null
      and exists (select from refresh_token r where r.session_id = s.id and r.expires_at > ${now})
      and (${before}::uuid is null or s.id < ${before}::uuid)
    order by s.id desc limit ${page.limit}`.execute(ctx.tx);
  return rows;
}

/** Whether the account has such a session that nobody has ended yet. */
export async function hasOpenSession(ctx: TxCtx, accountId: string, id: string): Promise<boolean> {
  const { rows } = await sql`select from session
    where id = ${id} and account_id = ${accountId} and ended_at is null for update`.execute(ctx.tx);
  return rows.length === 1;
}
