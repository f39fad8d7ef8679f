import type { TxCtx } from '../../../context.ts';
import type { MailQueue } from '../../../platform/mail/index.ts';
import type { Letters } from '../letters.ts';
import type { MailTokens } from './mail-tokens.ts';

/** Posts the letter whose code proves that the address is the account's. Says whether that mailbox may get another. */
export async function postVerification(
  tx: TxCtx,
  parts: { readonly mailTokens: MailTokens; readonly mails: MailQueue; readonly letters: Letters },
  to: { readonly accountId: string; readonly email: string },
): Promise<boolean> {
  const token = await parts.mailTokens.issue(tx, 'verify', to);
  return parts.mails.offer(tx, parts.letters.verify(to.email, token));
}
