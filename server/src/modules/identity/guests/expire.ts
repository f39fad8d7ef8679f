import { asSystem, type Ctx, type TxCtx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import { Failure } from '../../../platform/errors/index.ts';
import { listExpiredGuests, lockGuest } from './guest-store.ts';

/** Removes an account with everything that is its alone, in that transaction. */
export type RemoveAccount = (tx: TxCtx, accountId: string) => Promise<void>;

interface ExpireParts {
  readonly clock: Clock;
  readonly removeAccount: RemoveAccount;
}

const batchSize = 100;

/** Removes every guest whose time is over, each in a transaction of its own. Answers how many went. */
export function createExpire(parts: ExpireParts) {
  return async (ctx: Ctx): Promise<number> => {
    const now = new Date(parts.clock.now());
    let removed = 0;
    let after: string | undefined;
    do {
      const page = { after, limit: batchSize };
      const batch = await asSystem(ctx, (tx) => listExpiredGuests(tx, now, page));
      for (const { id } of batch) if (await remove(ctx, parts, id, now)) removed += 1;
      after = batch.length < batchSize ? undefined : batch.at(-1)?.id;
    } while (after !== undefined && !ctx.signal.aborted);
    return removed;
  };
}

/** One guest that cannot go, because others still need it as the owner of their workspace, does not keep the rest here. */
async function remove(ctx: Ctx, parts: ExpireParts, id: string, now: Date): Promise<boolean> {
  try {
    return await asSystem(ctx, (tx) => removeIfExpired(tx, parts, id, now));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    ctx.log.warn({ accountId: id, code: error.code }, 'a guest whose time is over stays');
    return false;
  }
}

/** A guest may have become an account with a password since it was listed. */
async function removeIfExpired(
  tx: TxCtx,
  { removeAccount }: ExpireParts,
  id: string,
  now: Date,
): Promise<boolean> {
  const guest = await lockGuest(tx, id);
  if (guest === undefined || guest.expires_at === null || guest.expires_at > now) return false;
  await removeAccount(tx, id);
  return true;
}
