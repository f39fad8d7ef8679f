/** Tells the owner of an account, by letter, who gets in from now on: of what was not their doing they would not hear otherwise. */
import type { TxCtx } from '../../context.ts';
import type { Mail, MailQueue } from '../../platform/mail/index.ts';
import { findAccount } from './store.ts';

/** Posts the letter with the transaction, if the account has an address. */
export type TellOwner = (tx: TxCtx, accountId: string, letterTo: (address: string) => Mail) => Promise<void>;

export function createTellOwner({ mails }: { readonly mails: MailQueue }): TellOwner {
  return async (tx, accountId, letterTo) => {
    const { email = null, email_verified_at: provenAt = null } = (await findAccount(tx, accountId)) ?? {};
    if (email === null) return;
    // An address that nobody has proven may be a stranger's, who is not to get letters without end.
    if (provenAt === null) await mails.offer(tx, letterTo(email));
    else await mails.post(tx, letterTo(email));
  };
}
