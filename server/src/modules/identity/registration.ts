import type { RegisterRequest, SignedIn } from '@alcove/contract/identity';
import { deviceFingerprint } from '@alcove/contract/keys';
import { asSystem, type Ctx } from '../../context.ts';
import { addAccount } from './new-account.ts';
import { requireUsableKeys } from './public-keys.ts';
import { deviceRow } from './render.ts';
import { type SignInParts, signIn } from './sign-in.ts';
import * as store from './store.ts';

/** Makes an anonymous account with its first device: no name, no mail, nothing but public keys. */
export function createRegistration(parts: SignInParts) {
  const { clock, ids } = parts;
  return async (ctx: Ctx, { device }: RegisterRequest): Promise<SignedIn> => {
    requireUsableKeys(device, '/device');
    const fingerprint = await deviceFingerprint(device);
    return asSystem(ctx, async (tx) => {
      const accountId = await addAccount(tx, parts, { kind: 'anonymous' });
      if (accountId === undefined) throw new Error('an account without a mail address met another');
      const row = deviceRow(device, {
        id: ids.uuid(),
        account_id: accountId,
        fingerprint,
        endorsed_by: null,
        created_at: new Date(clock.now()),
      });
      return signIn(tx, parts, await store.insertDevice(tx, row));
    });
  };
}
