/** The streams that are open on this node: how many there may be, and what ends them from outside. */
import type { StreamEnd } from '@alcove/contract/stream-ends';
import type { AccountActor } from '../../context.ts';
import type { Clock } from '../../platform/clock/index.ts';
import { Failure } from '../../platform/errors/index.ts';
import type { Logger } from '../../platform/telemetry/index.ts';
import { notReady } from '../errors.ts';
import { tooManyStreams } from './errors.ts';

export interface StreamLimits {
  /** On this node. */
  readonly streamsMax: number;
  readonly perAccountMax: number;
  /** After so much silence the other side has to show that it is there. */
  readonly heartbeatMs: number;
}

/** What says whether the session behind a stream still stands. */
export interface StreamSessions {
  /** Throws a 401 unless the session stands. */
  requireLive(sessionId: string): Promise<void>;
  /** Called with the sessions that some node has ended. Such news may be lost. */
  onEnded(listener: (sessionIds: readonly string[]) => void): void;
  /** Called whenever such news may have been lost. */
  onGap(listener: () => void): void;
}

export interface OpenStream {
  /** Aborts when the stream ends, for whatever reason. */
  readonly signal: AbortSignal;
  /** Why it ended; undefined while it is open, and where its client has simply left. */
  endedBy(): StreamEnd | undefined;
  end(reason?: StreamEnd): void;
  /** Its last byte is sent, or never will be. */
  close(): void;
}

export interface OpenStreams extends Disposable {
  /** Throws where as many are open as may be. */
  open(actor: AccountActor): OpenStream;
  count(): number;
  /** Ends all of them and takes no more. Resolves when they are closed. */
  drain(): Promise<void>;
}

const recheckEveryMs = 5 * 60_000;
const retryAfter = { 'Retry-After': '30' };

interface Entry extends OpenStream {
  readonly sessionId: string;
}

export function createOpenStreams(parts: {
  readonly limits: Omit<StreamLimits, 'heartbeatMs'>;
  readonly sessions: StreamSessions;
  readonly clock: Clock;
  readonly log: Logger;
}): OpenStreams {
  const { limits, sessions, clock, log } = parts;
  const byAccount = new Map<string, Set<Entry>>();
  const all = () => [...byAccount.values()].flatMap((entries) => [...entries]);
  const empty = Promise.withResolvers<void>();
  let count = 0;
  let isDraining = false;

  function add(accountId: string, entry: Entry): void {
    const own = byAccount.get(accountId) ?? new Set();
    byAccount.set(accountId, own.add(entry));
    count += 1;
  }

  function remove(accountId: string, entry: Entry): void {
    const own = byAccount.get(accountId);
    if (own?.delete(entry) !== true) return;
    if (own.size === 0) byAccount.delete(accountId);
    count -= 1;
    if (isDraining && count === 0) empty.resolve();
  }

  function endSessions(ids: ReadonlySet<string>): void {
    for (const entry of all()) if (ids.has(entry.sessionId)) entry.end('ended');
  }

  /** One after the other: after a gap there may be thousands, and nobody waits for this. */
  async function recheck(): Promise<void> {
    for (const sessionId of new Set(all().map((entry) => entry.sessionId))) {
      const isEnded = await sessions.requireLive(sessionId).then(
        () => false,
        (error: unknown) => error instanceof Failure && error.status === 401,
      );
      if (isEnded) endSessions(new Set([sessionId]));
    }
  }
  const recheckSafely = () =>
    void recheck().catch((err: unknown) => log.warn({ err }, 'could not check the sessions of open streams'));

  sessions.onEnded((ids) => endSessions(new Set(ids)));
  sessions.onGap(recheckSafely);
  const timer = setInterval(recheckSafely, recheckEveryMs);

  return {
    count: () => count,
    open({ accountId, sessionId, tokenExpiresAtMs }) {
      if (isDraining) throw notReady({ headers: retryAfter });
      refuseTooMany(count, limits.streamsMax, 'on this service');
      refuseTooMany(byAccount.get(accountId)?.size ?? 0, limits.perAccountMax, 'for this account');
      const stream = createStream();
      const expiry = setTimeout(() => stream.end('expired'), Math.max(0, tokenExpiresAtMs - clock.now()));
      const entry: Entry = {
        ...stream,
        sessionId,
        close() {
          clearTimeout(expiry);
          stream.end();
          remove(accountId, entry);
        },
      };
      add(accountId, entry);
      return entry;
    },
    async drain() {
      isDraining = true;
      if (count === 0) return;
      for (const entry of all()) entry.end('draining');
      await empty.promise;
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

function createStream(): Pick<OpenStream, 'signal' | 'endedBy' | 'end'> {
  const controller = new AbortController();
  let reason: StreamEnd | undefined;
  return {
    signal: controller.signal,
    endedBy: () => reason,
    end(why) {
      if (controller.signal.aborted) return;
      reason = why;
      controller.abort();
    },
  };
}

function refuseTooMany(count: number, max: number, where: string): void {
  if (count < max) return;
  throw tooManyStreams({ detail: `At most ${max} streams are open ${where}.`, headers: retryAfter });
}
