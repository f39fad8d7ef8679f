/**
 * Makes sending a request twice the same as sending it once: the first one with a key runs, later ones get its answer.
 *
 * Where a handler's effect is one transaction of ours, the answer is kept in that very transaction, so that there is no
 * moment in which the effect stands and the answer does not. Where it is not, the answer is kept right afterwards.
 */
import { createHash } from 'node:crypto';
import { type Actor, actorName, asSystem, type Ctx, type TxCtx } from '../context.ts';
import type { Clock } from '../platform/clock/index.ts';
import type { Envelope } from '../platform/crypto/index.ts';
import { Failure } from '../platform/errors/index.ts';
import type { Ids } from '../platform/ids/index.ts';
import { idempotencyKeyReused, idempotentRequestRunning } from './errors.ts';
import * as store from './idempotency-store.ts';

/** An answer as it is kept and sent again. */
export interface KeptAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Attempt extends Omit<store.Attempt, 'actor'> {
  /** Everything else by which two requests with one key must agree. */
  readonly content: readonly (string | Uint8Array)[];
}

export interface Idempotency {
  /**
   * Runs `work`, or answers what an earlier run answered. `work` calls `keep` inside its transaction; an answer that it
   * did not keep is kept once it returns.
   */
  once(
    ctx: Ctx,
    attempt: Attempt,
    work: (keep: Keep) => Promise<KeptAnswer>,
  ): Promise<{ answer: KeptAnswer; isReplay: boolean }>;
  sweep(ctx: Ctx): Promise<void>;
}

export type Keep = (tx: TxCtx, answer: KeptAnswer) => Promise<void>;

export const idempotencySealedColumn = { table: 'idempotent_request', key: 'fence', column: 'answer' };

const leaseMs = 60_000;
const keptMs = 24 * 3_600_000;

export function createIdempotency(parts: { clock: Clock; ids: Ids; envelope: Envelope }): Idempotency {
  const { clock, ids, envelope } = parts;
  const place = (fence: string) => ['idempotent_request', 'answer', fence];
  const seal = (fence: string, answer: KeptAnswer) =>
    envelope.encrypt(Buffer.from(JSON.stringify(answer)), place(fence));
  const open = (row: store.ClaimRow & { answer: Buffer }): KeptAnswer =>
    JSON.parse(envelope.decrypt(row.answer, place(row.fence)).toString('utf8'));

  function claim(
    ctx: Ctx,
    attempt: store.Attempt,
    fingerprint: Buffer,
  ): Promise<store.ClaimRow & { isMine: boolean }> {
    const now = clock.now();
    const fence = ids.uuid();
    const mine = {
      fingerprint,
      fence,
      leasedUntil: new Date(now + leaseMs),
      expiresAt: new Date(now + keptMs),
    };
    return asSystem(ctx, async (tx) => {
      const row = await store.claim(tx, attempt, mine, new Date(now));
      return { ...row, isMine: row.fence === fence };
    });
  }

  return {
    async once(ctx, { content, ...attempt }, work) {
      const fingerprint = fingerprintOf(content);
      const row = await claim(ctx, { ...attempt, actor: scopeOf(ctx.actor, fingerprint) }, fingerprint);
      if (!row.fingerprint.equals(fingerprint)) throw idempotencyKeyReused();
      if (row.answer !== null) return { answer: open({ ...row, answer: row.answer }), isReplay: true };
      if (!row.isMine) throw idempotentRequestRunning({ headers: { 'Retry-After': '1' } });

      let isKept = false;
      const keep: Keep = async (tx, answer) => {
        // The lease ran out and another run has the key: taking this one's effect back leaves exactly one.
        if (!(await store.keepAnswer(tx, row.fence, seal(row.fence, answer))))
          throw idempotentRequestRunning();
        isKept = true;
      };
      try {
        const answer = await work(keep);
        if (!isKept) await asSystem(ctx, (tx) => keep(tx, answer));
        return { answer, isReplay: false };
      } catch (error) {
        await asSystem(ctx, (tx) => store.release(tx, row.fence));
        throw error;
      }
    },

    sweep: (ctx) => asSystem(ctx, (tx) => store.deleteExpiredRequests(tx, new Date(clock.now()))),
  };
}

/** A refusal that will be the same next time is an answer like any other; being throttled or locked out is not. */
export function isLastingRefusal(error: unknown): error is Failure {
  return error instanceof Failure && error.status < 500 && ![401, 403, 409, 429].includes(error.status);
}

/**
 * Whose keys these are. The same person in another workspace asks for another thing, even in the same words. Whoever is
 * not known yet shares keys only with those who send the very same: a stranger's `register-1` is in nobody's way. Such a
 * key must therefore not be guessable, since with it and the whole request comes the answer. Only a digest is kept:
 * these rows outlive accounts, and are not to name them.
 */
function scopeOf(actor: Actor, fingerprint: Buffer): string {
  const hash = createHash('sha256').update(actorName(actor));
  if (actor.kind === 'anyone') hash.update(fingerprint);
  if ('workspaceId' in actor) hash.update(` in ${actor.workspaceId}`);
  return hash.digest('base64url');
}

/** Each part with its length before it, so that no two lists of parts read the same. */
function fingerprintOf(content: Attempt['content']): Buffer {
  const hash = createHash('sha256');
  for (const part of content) hash.update(`${part.length}:`).update(part);
  return hash.digest();
}
