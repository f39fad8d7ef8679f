import type { ResetPasswordRequest } from '@alcove/contract/account';
import { asSystem, beforehand, type Ctx, type TxCtx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import type { MailQueue } from '../../../platform/mail/index.ts';
import type { Audit } from '../../audit/index.ts';
import { revokeKeysMadeBy } from '../api-keys/made-by.ts';
import type { Letters } from '../letters.ts';
import { deleteIdentities } from '../oauth/link-store.ts';
import { findRecovery } from '../recovery/recovery-store.ts';
import type { RemoveRecovery } from '../recovery/remove.ts';
import type { Sessions } from '../sessions.ts';
import { asAccount, type Trail } from '../trail.ts';
import { markEmailVerified } from './account-store.ts';
import type { Attempts } from './attempts.ts';
import { setHash } from './credential-store.ts';
import type { PasswordHasher } from './hashing.ts';
import type { MailTokens } from './mail-tokens.ts';
import { requireAcceptablePassword } from './policy.ts';

interface ResetParts {
  readonly clock: Clock;
  readonly audit: Audit;
  readonly sessions: Sessions;
  readonly removeRecovery: RemoveRecovery;
  readonly trail: Trail;
  readonly mails: MailQueue;
  readonly letters: Letters;
  readonly mailTokens: MailTokens;
  readonly attempts: Attempts;
  readonly hasher: PasswordHasher;
}

/** Ends every session: the owner of the mailbox starts anew, whoever else was signed in. */
export function createReset(parts: ResetParts) {
  const { clock, sessions, trail, mails, letters, mailTokens, attempts, hasher } = parts;
  return async (ctx: Ctx, { token, password }: ResetPasswordRequest): Promise<void> => {
    // Before the costly hash, and before the code is used up by a password that is refused.
    const { email } = await asSystem(beforehand(ctx), (tx) => mailTokens.require(tx, 'reset', token));
    requireAcceptablePassword(password, email);
    const hash = await hasher.hash(ctx.origin.ip, password);
    await asSystem(ctx, async (tx) => {
      const { account_id: accountId } = await mailTokens.take(tx, 'reset', token);
      const now = new Date(clock.now());
      await setHash(tx, accountId, hash, now);
      if (await markEmailVerified(tx, accountId, email, now)) await disown(tx, parts, accountId);
      await mailTokens.dropWaysIn(tx, accountId);
      await attempts.forgive(tx, email);
      await sessions.end(tx, accountId, {});
      await mails.post(tx, letters.passwordChanged(email));
      await trail.record(tx, accountId, {
        action: 'password.reset',
        target: { type: 'account', id: accountId },
        actor: asAccount(accountId),
      });
    });
  };
}

/** Until now nobody knew that this person made the account: its keys and other ways in may be somebody else's. */
async function disown(
  tx: TxCtx,
  { audit, trail, removeRecovery }: Pick<ResetParts, 'audit' | 'trail' | 'removeRecovery'>,
  accountId: string,
): Promise<void> {
  const recovery = await findRecovery(tx, accountId);
  if (recovery !== undefined) await removeRecovery(tx, recovery);
  await deleteIdentities(tx, accountId);
  await revokeKeysMadeBy(tx, audit, accountId);
  if (recovery === undefined) return;
  await trail.record(tx, accountId, {
    action: 'recovery.removed',
    target: { type: 'device', id: recovery.id },
    actor: asAccount(accountId),
  });
}
