/**
 * Which sessions stand, asked on every request. A node that is alone remembers the answer until it ends the session itself.
 * Where there may be others, the database is asked each time, for all requests of a moment at once: news from another
 * node may be late or lost, and an ended session is to end for the very next request, wherever that arrives.
 */
import { type AccountActor, type Actor, asSystem, type Ctx, type TxCtx } from '../../context.ts';
import { createBatched } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock/index.ts';
import { createHintedCache, type Fanout } from '../../platform/fanout/index.ts';
import * as errors from './errors.ts';
import * as store from './store.ts';

export interface Sessions {
  /** Throws `auth.session_ended` unless the session stands and its device has not been revoked. */
  requireLive(sessionId: string): Promise<void>;
  /** As `requireLive`, asked in the caller's transaction: behind the account's lock no revocation comes in between. */
  requireOwnLive(ctx: TxCtx<AccountActor>): Promise<void>;
  /** Ends the account's sessions that match; their tokens die with the commit. */
  end(ctx: TxCtx<Actor>, accountId: string, which: store.WhichSessions): Promise<void>;
  /** Called with the sessions that some node has ended. A hint, as all news. */
  onEnded(listener: (sessionIds: readonly string[]) => void): void;
  /** Writes down when sessions were last seen; called from time to time, since once a request would be far too often. */
  flushSeen(ctx: Ctx): Promise<void>;
}

const rememberedMax = 50_000;
const topic = 'session';

export function createSessions(parts: {
  readonly clock: Clock;
  readonly fanout: Fanout;
  readonly createCtx: (signal: AbortSignal) => Ctx;
}): Sessions {
  const { clock, fanout } = parts;
  const live = createHintedCache<true>({ fanout, topic, sizeMax: rememberedMax });
  // No request's own: one question is asked for many.
  const ctx = parts.createCtx(new AbortController().signal);
  let seen = new Set<string>();

  const ask = createBatched<string, true>(async (ids) => {
    const standing = await asSystem(ctx, (tx) => store.listStanding(tx, ids));
    return new Map(standing.map((id) => [id, true]));
  });
  const isLive = (sessionId: string) =>
    fanout.isAlone ? live.get(sessionId, () => ask(sessionId)) : ask(sessionId);

  return {
    async requireLive(sessionId) {
      if (!(await isLive(sessionId))) throw sessionEnded();
      seen.add(sessionId);
    },

    async requireOwnLive(ctx) {
      if ((await store.findLiveSession(ctx, ctx.actor.sessionId)) === undefined) throw sessionEnded();
    },

    async end(ctx, accountId, which) {
      const ended = await store.endSessions(ctx, accountId, which, new Date(clock.now()));
      await live.forget(ctx, ended);
    },

    onEnded: (listener) => fanout.subscribe(topic, (message) => listener(message.split(','))),

    async flushSeen(ctx) {
      if (seen.size === 0) return;
      const flushed = seen;
      seen = new Set();
      await asSystem(ctx, (tx) => store.recordSeen(tx, [...flushed], new Date(clock.now())));
    },
  };
}

const sessionEnded = () => errors.sessionEnded({ headers: { 'WWW-Authenticate': 'Bearer' } });
