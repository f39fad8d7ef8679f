/** Where an account is signed in, and ending one of these sessions. */
import type { ListedSession, SessionList as SessionPage } from '@alcove/contract/sessions';
import { type AccountActor, type Ctx, inTransaction } from '../../context.ts';
import type { Clock } from '../../platform/clock/index.ts';
import * as errors from './errors.ts';
import { renderSession } from './render.ts';
import { hasOpenSession, type ListedSessionRow, listStandingSessions } from './session-list-store.ts';
import type { Sessions } from './sessions.ts';
import type { Trail } from './trail.ts';

export interface SessionList {
  list(ctx: Ctx<AccountActor>, page: { cursor?: string; limit?: number }): Promise<SessionPage>;
  /** Ends one session, also the present one: its tokens are gone with the commit. */
  end(ctx: Ctx<AccountActor>, id: string): Promise<void>;
}

const pageDefault = 50;

export function createSessionList(parts: {
  readonly clock: Clock;
  readonly sessions: Sessions;
  readonly trail: Trail;
}): SessionList {
  const { clock, sessions, trail } = parts;
  return {
    list: (ctx, { cursor, limit = pageDefault }) =>
      inTransaction(ctx, async (tx) => {
        const { accountId, sessionId } = tx.actor;
        // One row more than asked for tells whether there is another page.
        const page = { before: cursor, limit: limit + 1 };
        const rows = await listStandingSessions(tx, accountId, new Date(clock.now()), page);
        const shown = rows.slice(0, limit);
        return {
          data: shown.map((row) => render(row, sessionId)),
          nextCursor: rows.length > limit ? (shown.at(-1)?.id ?? null) : null,
        };
      }),

    end: (ctx, id) =>
      inTransaction(ctx, async (tx) => {
        const { accountId } = tx.actor;
        if (!(await hasOpenSession(tx, accountId, id))) throw errors.sessionNotFound();
        await sessions.end(tx, accountId, { sessionId: id });
        await trail.record(tx, accountId, { action: 'session.ended', target: { type: 'session', id } });
      }),
  };
}

function render(row: ListedSessionRow, currentSessionId: string): ListedSession {
  const { device_id: id, device_name: name, device_platform: platform } = row;
  const hasDevice = id !== null && name !== null && platform !== null;
  return {
    ...renderSession(row, currentSessionId),
    ...(hasDevice ? { device: { id, name, platform } } : {}),
  };
}
