/**
 * Slows down guessing at one account, over all nodes: after ten wrong attempts each further one has to wait, twice as
 * long every time, up to a quarter of an hour. The same is counted for addresses that nobody has.
 */
import { createHmac } from 'node:crypto';
import { asSystem, beforehand, type Ctx, type TxCtx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import type { MasterKeys } from '../../../platform/crypto/index.ts';
import { countAttempt, deleteAttempts, deleteAttemptsBefore } from './attempt-store.ts';
import { tooManyAttempts } from './errors.ts';

export interface Attempts {
  /** Counts an attempt before it is made; throws `auth.too_many_attempts` when there is a wait. */
  begin<T>(ctx: Ctx, login: string, meanwhile: (tx: TxCtx) => Promise<T>): Promise<T>;
  /** The attempt was right: whoever makes it is who they say. */
  forgive(tx: TxCtx, login: string): Promise<void>;
  sweep(tx: TxCtx): Promise<void>;
}

const freeFailures = 10;
const waitSecondsMax = 900;
const forgottenAfterMs = 24 * 3_600_000;

export function createAttempts({
  clock,
  masterKeys,
}: {
  readonly clock: Clock;
  readonly masterKeys: MasterKeys;
}): Attempts {
  const key = masterKeys[0].derive('login attempts');
  const hashOf = (login: string) => createHmac('sha256', key).update(login).digest();
  const forgottenAt = () => new Date(clock.now() - forgottenAfterMs);

  return {
    async begin(ctx, login, meanwhile) {
      const now = new Date(clock.now());
      const counting = { now, since: forgottenAt(), freeFailures, waitSecondsMax };
      return asSystem(beforehand(ctx), async (tx) => {
        const blockedUntil = await countAttempt(tx, hashOf(login), counting);
        if (blockedUntil !== undefined) throw wait(blockedUntil.getTime() - now.getTime());
        return meanwhile(tx);
      });
    },
    forgive: (tx, login) => deleteAttempts(tx, hashOf(login)),
    sweep: (tx) => deleteAttemptsBefore(tx, forgottenAt()),
  };
}

function wait(ms: number) {
  return tooManyAttempts({ headers: { 'Retry-After': String(Math.max(1, Math.ceil(ms / 1000))) } });
}
