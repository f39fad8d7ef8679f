import type { OAuthProvider } from '@alcove/contract/account';
import { asSystem, type Ctx, type TxCtx } from '../../../context.ts';
import { addAccount } from '../new-account.ts';
import type { SignInParts } from '../sign-in.ts';
import type { Identified } from './provider.ts';
import * as store from './store.ts';

interface Coming extends Pick<SignInParts, 'clock' | 'ids' | 'trail'> {
  readonly provider: OAuthProvider;
  readonly identified: Identified;
}

/** Another first sign-in of the same person was faster. */
class CameSecond extends Error {}

/**
 * Runs `work` for the account of that person, in the transaction that makes it if need be. Only provider and subject
 * identify: an account that merely has the same mail address is somebody else's until its owner says otherwise.
 */
export async function findOrAddAccount<T>(
  ctx: Ctx,
  coming: Coming,
  work: (tx: TxCtx, accountId: string) => Promise<T>,
): Promise<T> {
  const attempt = () =>
    asSystem(ctx, async (tx) => {
      const { provider, identified } = coming;
      const known = await store.findIdentity(tx, provider, identified.subject);
      return work(tx, known ?? (await addIdentified(tx, coming)));
    });
  return attempt().catch((error: unknown) => {
    if (error instanceof CameSecond) return attempt();
    throw error;
  });
}

async function addIdentified(tx: TxCtx, coming: Coming): Promise<string> {
  const { provider, identified, clock } = coming;
  const { subject, email, name } = identified;
  const account = { kind: 'oauth', displayName: name } as const;
  const accountId =
    (await addAccount(tx, coming, { ...account, email, isEmailVerified: email !== undefined })) ??
    (await addAccount(tx, coming, account));
  if (accountId === undefined) throw new Error('an account without a mail address met another');
  const row = { provider, subject, accountId, email, at: new Date(clock.now()) };
  if (!(await store.insertIdentity(tx, row))) throw new CameSecond();
  return accountId;
}
