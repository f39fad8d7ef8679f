/** The statements behind tickets. */
import { sql } from 'kysely';
import type { DeviceActor, TxCtx } from '../../../context.ts';

export interface TicketRow {
  readonly account_id: string;
  readonly session_id: string;
  readonly device_id: string;
  readonly workspace_id: string;
  readonly token_expires_at: Date;
  readonly expires_at: Date;
}

export async function insertTicket(ctx: TxCtx<DeviceActor>, hash: Buffer, expiresAt: Date): Promise<void> {
  const { accountId, sessionId, deviceId, workspaceId, tokenExpiresAtMs } = ctx.actor;
  await sql`insert into live_ticket
      (hash, account_id, session_id, device_id, workspace_id, token_expires_at, expires_at)
    values (${hash}, ${accountId}, ${sessionId}, ${deviceId}, ${workspaceId}, ${new Date(tokenExpiresAtMs)},
      ${expiresAt})`.execute(ctx.tx);
}

/** Of two who show the same ticket at once, one finds it. */
export async function takeTicket(ctx: TxCtx, hash: Buffer): Promise<TicketRow | undefined> {
  const { rows } = await sql<TicketRow>`delete from live_ticket where hash = ${hash}
    returning account_id, session_id, device_id, workspace_id, token_expires_at, expires_at`.execute(ctx.tx);
  return rows[0];
}

export async function deleteExpiredTickets(ctx: TxCtx, before: Date): Promise<void> {
  await sql`delete from live_ticket where expires_at < ${before}`.execute(ctx.tx);
}
