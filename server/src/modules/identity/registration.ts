import type { RegisterRequest, SignedIn } from '@alcove/contract/identity';
import { deviceFingerprint } from '@alcove/contract/keys';
import { asSystem, type Ctx } from '../../context.ts';
import { requireUsableKeys } from './public-keys.ts';
import { deviceRow } from './render.ts';
import { type SignInParts, signIn } from './sign-in.ts';
import * as store from './store.ts';

const personalWorkspaceName = 'Personal';

/** Makes an anonymous account with its first device: no name, no mail, nothing but public keys. */
export function createRegistration(parts: SignInParts) {
  const { clock, ids } = parts;
  return async (ctx: Ctx, { device }: RegisterRequest): Promise<SignedIn> => {
    requireUsableKeys(device);
    const fingerprint = await deviceFingerprint(device);
    const createdAt = new Date(clock.now());
    return asSystem(ctx, async (tx) => {
      const accountId = ids.uuid();
      await store.insertAccount(tx, { id: accountId, kind: 'anonymous', created_at: createdAt });
      await store.insertPersonalWorkspace(tx, {
        id: ids.uuid(),
        name: personalWorkspaceName,
        accountId,
        createdAt,
      });
      const row = deviceRow(device, {
        id: ids.uuid(),
        account_id: accountId,
        fingerprint,
        endorsed_by: null,
        created_at: createdAt,
      });
      await store.insertDevice(tx, row);
      return signIn(tx, parts, { ...row, last_seen_at: null });
    });
  };
}
