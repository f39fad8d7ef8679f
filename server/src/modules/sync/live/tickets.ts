/** Tickets: a browser cannot send its token with a WebSocket, and a token has no place in an address. */
import type { LiveTicket } from '@alcove/contract/live';
import { asSystem, type Ctx, type DeviceActor, inTransaction } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import { createToken, hashToken } from '../../../platform/crypto/index.ts';
import type { Job } from '../../../platform/jobs/index.ts';
import { invalidTicket } from '../errors.ts';
import { deleteExpiredTickets, insertTicket, takeTicket } from './ticket-store.ts';

export interface Tickets {
  issue(ctx: Ctx<DeviceActor>): Promise<LiveTicket>;
  /** Who the ticket was given to; it is used up. Throws a 401 where it is none, or the session has ended since. */
  redeem(ctx: Ctx, ticket: string): Promise<DeviceActor>;
  readonly sweep: (createCtx: (signal: AbortSignal) => Ctx) => Job;
}

const ticketMs = 60_000;

export function createTickets(parts: {
  readonly clock: Clock;
  /** Throws a 401 unless the session stands. */
  readonly requireLive: (sessionId: string) => Promise<void>;
}): Tickets {
  const { clock, requireLive } = parts;
  return {
    issue: (ctx) =>
      inTransaction(ctx, async (tx) => {
        const ticket = createToken();
        const expiresAt = new Date(clock.now() + ticketMs);
        await insertTicket(tx, hashToken(ticket), expiresAt);
        return { ticket, expiresAt: expiresAt.toISOString() };
      }),

    async redeem(ctx, ticket) {
      const row = await asSystem(ctx, (tx) => takeTicket(tx, hashToken(ticket)));
      if (row === undefined || row.expires_at.getTime() <= clock.now()) throw invalidTicket();
      await requireLive(row.session_id);
      return {
        kind: 'account',
        accountId: row.account_id,
        sessionId: row.session_id,
        deviceId: row.device_id,
        workspaceId: row.workspace_id,
        tokenExpiresAtMs: row.token_expires_at.getTime(),
      };
    },

    sweep: (createCtx) => ({
      name: 'sync.sweep-live-tickets',
      cron: '*/10 * * * *',
      run: (signal) => asSystem(createCtx(signal), (tx) => deleteExpiredTickets(tx, new Date(clock.now()))),
    }),
  };
}
