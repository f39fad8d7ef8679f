import type { RegisterRequest, SignedIn } from '@alcove/contract/identity';
import { deviceFingerprint } from '@alcove/contract/keys';
import { asSystem, type Ctx } from '../../context.ts';
import { requireUsableKeys } from './public-keys.ts';
import { deviceRow } from './render.ts';
import { type SignInParts, signIn } from './sign-in.ts';
import * as store from './store.ts';
import { asAccount } from './trail.ts';

const personalWorkspaceName = 'Personal';

/** Makes an anonymous account with its first device: no name, no mail, nothing but public keys. */
export function createRegistration(parts: SignInParts) {
  const { clock, ids, trail } = parts;
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
      const signedIn = await signIn(tx, parts, { ...row, last_seen_at: null });
      await trail.record(tx, accountId, {
        action: 'account.registered',
        target: { type: 'account', id: accountId },
        actor: asAccount(accountId),
        detail: { kind: 'anonymous', device: row.id },
      });
      await trail.announce(tx, accountId, {
        type: 'workspace.created',
        subject: { type: 'workspace', id: signedIn.workspace.id },
        actor: asAccount(accountId),
        data: { personal: true },
      });
      return signedIn;
    });
  };
}
