/** Codes that prove control of a mailbox: 256 random bits in a letter, of which only the hash is kept. Each works once. */
import type { TxCtx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import { createToken, hashToken } from '../../../platform/crypto/index.ts';
import { mailTokenInvalid } from './errors.ts';
import * as store from './mail-token-store.ts';

export interface MailTokens {
  /** A new code for that account and address. */
  issue(tx: TxCtx, purpose: store.Purpose, to: { accountId: string; email: string }): Promise<string>;
  /** Whether another letter may be sent now: nobody's mailbox is to be flooded through us. */
  mayIssue(tx: TxCtx, purpose: store.Purpose, accountId: string): Promise<boolean>;
  /** Throws `auth.mail_token_invalid` unless the code would work now. */
  require(tx: TxCtx, purpose: store.Purpose, token: string): Promise<store.MailTokenRow>;
  /** The same, and it works no more. */
  take(tx: TxCtx, purpose: store.Purpose, token: string): Promise<store.MailTokenRow>;
  /**
   * Every code by which the account could still be taken over is void: one for a new password, or one that gives it
   * another address than it has now. Whoever was in until now may have asked for it.
   */
  dropWaysIn(tx: TxCtx, accountId: string): Promise<void>;
  sweep(tx: TxCtx): Promise<void>;
}

export const lifetimesMs = { verify: 24 * 3_600_000, reset: 3_600_000 } as const;
const perHourMax = 5;
const apartMs = 60_000;

export function createMailTokens({ clock }: { readonly clock: Clock }): MailTokens {
  const keyOf = (purpose: store.Purpose, token: string) => ({
    hash: hashToken(token),
    purpose,
    now: new Date(clock.now()),
  });
  return {
    async issue(tx, purpose, { accountId, email }) {
      const token = createToken();
      const now = clock.now();
      await store.insertMailToken(tx, {
        hash: hashToken(token),
        account_id: accountId,
        purpose,
        email,
        created_at: new Date(now),
        expires_at: new Date(now + lifetimesMs[purpose]),
      });
      return token;
    },
    async mayIssue(tx, purpose, accountId) {
      const now = clock.now();
      const times = await store.listMailTokenTimes(tx, accountId, purpose, new Date(now - 3_600_000));
      const [last] = times;
      return times.length < perHourMax && (last === undefined || now - last.getTime() >= apartMs);
    },
    require: async (tx, purpose, token) => known(await store.findMailToken(tx, keyOf(purpose, token))),
    take: async (tx, purpose, token) => known(await store.takeMailToken(tx, keyOf(purpose, token))),
    async dropWaysIn(tx, accountId) {
      await store.deleteMailTokens(tx, accountId, 'reset');
      await store.deleteMailTokensToOtherAddresses(tx, accountId);
    },
    sweep: (tx) => store.deleteMailTokensExpiredAt(tx, new Date(clock.now())),
  };
}

function known(row: store.MailTokenRow | undefined): store.MailTokenRow {
  if (row === undefined) throw mailTokenInvalid();
  return row;
}
