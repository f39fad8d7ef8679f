/** Which sessions stand. Asked on every request, so the answer is kept in memory until some node ends a session. */
import { type AccountActor, type Actor, asSystem, type Ctx, type TxCtx } from '../../context.ts';
import type { Clock } from '../../platform/clock/index.ts';
import { createHintedCache, type Fanout } from '../../platform/fanout/index.ts';
import * as errors from './errors.ts';
import * as store from './store.ts';

export interface Sessions {
  /** Throws `auth.session_ended` unless the session stands and its device has not been revoked. */
  requireLive(ctx: Ctx, sessionId: string): Promise<void>;
  /** As `requireLive`, asked in the caller's transaction: behind the account's lock no revocation comes in between. */
  requireOwnLive(ctx: TxCtx<AccountActor>): Promise<void>;
  /** Ends the account's sessions that match; their tokens die with the commit. */
  end(ctx: TxCtx<Actor>, accountId: string, which: store.WhichSessions): Promise<void>;
  /** Writes down when sessions were last seen; called from time to time, since once a request would be far too often. */
  flushSeen(ctx: Ctx): Promise<void>;
}

const rememberedMax = 50_000;

export function createSessions(parts: { readonly clock: Clock; readonly fanout: Fanout }): Sessions {
  const { clock, fanout } = parts;
  const live = createHintedCache<true>({ fanout, topic: 'session', sizeMax: rememberedMax });
  let seen = new Set<string>();

  const isLive = (ctx: Ctx, sessionId: string) =>
    live.get(sessionId, async () => {
      const row = await asSystem(ctx, (tx) => store.findLiveSession(tx, sessionId));
      return row === undefined ? undefined : true;
    });

  return {
    async requireLive(ctx, sessionId) {
      if (!(await isLive(ctx, sessionId))) throw sessionEnded();
      seen.add(sessionId);
    },

    async requireOwnLive(ctx) {
      if ((await store.findLiveSession(ctx, ctx.actor.sessionId)) === undefined) throw sessionEnded();
    },

    async end(ctx, accountId, which) {
      const ended = await store.endSessions(ctx, accountId, which, new Date(clock.now()));
      await live.forget(ctx, ended);
    },

    async flushSeen(ctx) {
      if (seen.size === 0) return;
      const flushed = seen;
      seen = new Set();
      await asSystem(ctx, (tx) => store.recordSeen(tx, [...flushed], new Date(clock.now())));
    },
  };
}

const sessionEnded = () => errors.sessionEnded({ headers: { 'WWW-Authenticate': 'Bearer' } });
