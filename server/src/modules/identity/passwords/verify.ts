import type { Account } from '@alcove/contract/identity';
import { asSystem, type Ctx, type TxCtx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import type { MailQueue } from '../../../platform/mail/index.ts';
import type { Letters } from '../letters.ts';
import { renderAccount } from '../render.ts';
import { findAccount } from '../store.ts';
import { asAccount, type Trail } from '../trail.ts';
import { isTakenMeanwhile, setVerifiedEmail } from './account-store.ts';
import { emailTaken } from './errors.ts';
import type { MailTokens } from './mail-tokens.ts';

interface VerifyParts {
  readonly clock: Clock;
  readonly trail: Trail;
  readonly mails: MailQueue;
  readonly letters: Letters;
  readonly mailTokens: MailTokens;
}

/** Takes the code of a letter as proof of the address it went to, which becomes the account's own. */
export function createVerify(parts: VerifyParts) {
  return async (ctx: Ctx, token: string): Promise<{ account: Account }> => {
    try {
      return await asSystem(ctx, (tx) => verify(tx, parts, token));
    } catch (error) {
      if (isTakenMeanwhile(error)) throw emailTaken();
      throw error;
    }
  };
}

async function verify(tx: TxCtx, parts: VerifyParts, token: string): Promise<{ account: Account }> {
  const { account_id: accountId, email } = await parts.mailTokens.take(tx, 'verify', token);
  const before = await findAccount(tx, accountId);
  const account = await setVerifiedEmail(tx, accountId, email, new Date(parts.clock.now()));
  if (account === undefined) throw emailTaken();
  if (before?.email != null && before.email !== email) {
    await parts.mailTokens.dropWaysIn(tx, accountId);
    await parts.mails.post(tx, parts.letters.emailChanged(before.email));
  }
  await parts.trail.record(tx, accountId, {
    action: 'account.email_verified',
    target: { type: 'account', id: accountId },
    actor: asAccount(accountId),
    detail: { changed: before?.email !== email },
  });
  return { account: renderAccount(account) };
}
