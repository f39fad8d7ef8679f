import { asSystem, type Ctx, type TxCtx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import { listExpiredGuests, lockGuest } from './guest-store.ts';

/** Removes an account with everything that is its alone, in that transaction. */
export type RemoveAccount = (tx: TxCtx, accountId: string) => Promise<void>;

const batchSize = 100;

/** Removes every guest whose time is over, each in a transaction of its own. Answers how many went. */
export function createExpire(parts: { readonly clock: Clock; readonly removeAccount: RemoveAccount }) {
  const { clock, removeAccount } = parts;
  return async (ctx: Ctx): Promise<number> => {
    const now = new Date(clock.now());
    let removed = 0;
    for (;;) {
      const batch = await asSystem(ctx, (tx) => listExpiredGuests(tx, now, batchSize));
      for (const { id } of batch) {
        if (await asSystem(ctx, (tx) => removeIfExpired(tx, id, now, removeAccount))) removed += 1;
      }
      if (batch.length < batchSize || ctx.signal.aborted) return removed;
    }
  };
}

/** A guest may have become an account with a password since it was listed. */
async function removeIfExpired(
  tx: TxCtx,
  id: string,
  now: Date,
  removeAccount: RemoveAccount,
): Promise<boolean> {
  const guest = await lockGuest(tx, id);
  if (guest === undefined || guest.expires_at === null || guest.expires_at > now) return false;
  await removeAccount(tx, id);
  return true;
}
