/** Which sessions stand. Asked on every request, so the answer is kept in memory and forgotten when a session ends. */
import { type Actor, asSystem, type Ctx, type TxCtx } from '../../context.ts';
import { BoundedMap } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock/index.ts';
import * as errors from './errors.ts';
import * as store from './store.ts';

export interface Sessions {
  /** Throws `auth.session_ended` unless the session stands and its device has not been revoked. */
  requireLive(ctx: Ctx, sessionId: string): Promise<void>;
  /** Ends the account's sessions that match; their tokens die with the commit. */
  end(ctx: TxCtx<Actor>, accountId: string, which: store.WhichSessions): Promise<void>;
  /** Writes down when sessions were last seen; called from time to time, since once a request would be far too often. */
  flushSeen(ctx: Ctx): Promise<void>;
}

const rememberedMax = 50_000;

export function createSessions({ clock }: { readonly clock: Clock }): Sessions {
  const live = new BoundedMap<string, Promise<boolean>>(rememberedMax);
  let seen = new Set<string>();

  function isLive(ctx: Ctx, sessionId: string): Promise<boolean> {
    const known = live.get(sessionId);
    if (known !== undefined) return known;
    const asked = asSystem(ctx, (tx) => store.findLiveSession(tx, sessionId)).then(
      (row) => row !== undefined,
    );
    live.set(sessionId, asked);
    // Only a good answer is worth remembering: a failed question must be asked again.
    asked.then(
      (isUp) => isUp || live.delete(sessionId),
      () => live.delete(sessionId),
    );
    return asked;
  }

  return {
    async requireLive(ctx, sessionId) {
      if (!(await isLive(ctx, sessionId)))
        throw errors.sessionEnded({ headers: { 'WWW-Authenticate': 'Bearer' } });
      seen.add(sessionId);
    },

    async end(ctx, accountId, which) {
      const ended = await store.endSessions(ctx, accountId, which, new Date(clock.now()));
      ctx.afterCommit(() => {
        for (const id of ended) live.set(id, Promise.resolve(false));
      });
    },

    async flushSeen(ctx) {
      if (seen.size === 0) return;
      const flushed = seen;
      seen = new Set();
      await asSystem(ctx, (tx) => store.recordSeen(tx, [...flushed], new Date(clock.now())));
    },
  };
}
