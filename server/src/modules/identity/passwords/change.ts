import type { ChangePasswordRequest } from '@alcove/contract/account';
import { type AccountActor, asSystem, type Ctx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import type { MailQueue } from '../../../platform/mail/index.ts';
import type { Letters } from '../letters.ts';
import type { Sessions } from '../sessions.ts';
import { findAccount } from '../store.ts';
import type { Trail } from '../trail.ts';
import type { Attempts } from './attempts.ts';
import { replaceHash } from './credential-store.ts';
import { wrongPassword } from './errors.ts';
import type { PasswordHasher } from './hashing.ts';
import type { MailTokens } from './mail-tokens.ts';
import { requireAcceptablePassword } from './policy.ts';

/** Ends every other session: whoever else knew the old password is out. */
export function createChange(parts: {
  readonly clock: Clock;
  readonly sessions: Sessions;
  readonly trail: Trail;
  readonly mails: MailQueue;
  readonly letters: Letters;
  readonly mailTokens: MailTokens;
  readonly attempts: Attempts;
  readonly hasher: PasswordHasher;
  readonly confirm: (ctx: Ctx, accountId: string, password: string) => Promise<string>;
}) {
  const { clock, sessions, trail, mails, letters, mailTokens, attempts, hasher, confirm } = parts;
  return async (
    ctx: Ctx<AccountActor>,
    { currentPassword, newPassword }: ChangePasswordRequest,
  ): Promise<void> => {
    const { accountId, sessionId } = ctx.actor;
    requireAcceptablePassword(newPassword);
    const from = await confirm(ctx, accountId, currentPassword);
    const to = await hasher.hash(ctx.origin.ip, newPassword);
    await asSystem(ctx, async (tx) => {
      if (!(await replaceHash(tx, { accountId, from, to, at: new Date(clock.now()) }))) throw wrongPassword();
      await attempts.forgive(tx, `account:${accountId}`);
      await mailTokens.dropWaysIn(tx, accountId);
      await sessions.end(tx, accountId, { exceptSessionId: sessionId });
      const account = await findAccount(tx, accountId);
      if (account?.email != null) await mails.post(tx, letters.passwordChanged(account.email));
      await trail.record(tx, accountId, {
        action: 'password.changed',
        target: { type: 'account', id: accountId },
      });
    });
  };
}
