import type { Ctx } from '../../../context.ts';
import type { Attempts } from './attempts.ts';
import { findCredential } from './credential-store.ts';
import { noPassword, wrongPassword } from './errors.ts';
import type { PasswordHasher } from './hashing.ts';

/**
 * Asks somebody who is signed in for the password once more. Guesses are counted apart from those at the door, so that a
 * stranger who guesses there does not keep the owner from acting here.
 */
export function createConfirm({
  attempts,
  hasher,
}: {
  readonly attempts: Attempts;
  readonly hasher: PasswordHasher;
}) {
  return async (ctx: Ctx, accountId: string, password: string): Promise<string> => {
    const login = `account:${accountId}`;
    const credential = await attempts.begin(ctx, login, (tx) => findCredential(tx, accountId));
    if (credential === undefined) throw noPassword();
    if (!(await hasher.matches(ctx.origin.ip, password, credential.hash))) throw wrongPassword();
    return credential.hash;
  };
}
