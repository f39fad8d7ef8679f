/** What a person may change about the own account. */
import type { UpdateMeRequest, UpdateMeResponse } from '@alcove/contract/account';
import { type AccountActor, type Ctx, inTransaction, type TxCtx } from '../../context.ts';
import * as errors from './errors.ts';
import { setDisplayName } from './passwords/account-store.ts';
import { normaliseEmail } from './passwords/email.ts';
import { passwordRequired, tooManyAttempts } from './passwords/errors.ts';
import type { Passwords } from './passwords/service.ts';
import { renderAccount } from './render.ts';
import { findAccount } from './store.ts';
import type { Trail } from './trail.ts';

/**
 * A new mail address needs the password, and replaces the old one only when it is proven. Whether another account has
 * it already is told to whoever proves it, and to nobody else. The same address again asks for another letter.
 */
export function createProfile({
  passwords,
  trail,
}: {
  readonly passwords: Passwords;
  readonly trail: Trail;
}) {
  return async (ctx: Ctx<AccountActor>, request: UpdateMeRequest): Promise<UpdateMeResponse> => {
    const { accountId } = ctx.actor;
    if (request.email !== undefined) {
      if (request.password === undefined) throw passwordRequired();
      await passwords.confirm(ctx, accountId, request.password);
    }
    return inTransaction(ctx, (tx) => update(tx, { passwords, trail }, request));
  };
}

async function update(
  tx: TxCtx<AccountActor>,
  { passwords, trail }: Parameters<typeof createProfile>[0],
  { displayName, email }: UpdateMeRequest,
): Promise<UpdateMeResponse> {
  const { accountId } = tx.actor;
  if (displayName !== undefined) await setDisplayName(tx, accountId, displayName);
  const pendingEmail = email === undefined ? undefined : normaliseEmail(email);
  if (pendingEmail !== undefined && !(await passwords.askToVerify(tx, accountId, pendingEmail))) {
    throw tooManyAttempts({ headers: { 'Retry-After': '60' } });
  }
  const account = await findAccount(tx, accountId);
  if (account === undefined) throw errors.sessionEnded();
  await trail.record(tx, accountId, {
    action: 'account.updated',
    target: { type: 'account', id: accountId },
    detail: { displayName: displayName !== undefined, email: email !== undefined },
  });
  return { account: renderAccount(account), ...(pendingEmail === undefined ? {} : { pendingEmail }) };
}
