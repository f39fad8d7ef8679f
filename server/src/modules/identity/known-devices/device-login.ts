import type { DeviceProof, SignedIn } from '@alcove/contract/identity';
import { asSystem, type Ctx } from '../../../context.ts';
import { deviceNotEnough } from '../errors.ts';
import { type SignInParts, signIn } from '../sign-in.ts';
import { findAccount } from '../store.ts';
import { asAccount } from '../trail.ts';
import type { DeviceProofs } from './proofs.ts';

/**
 * Opens another session of a device of an anonymous account, which has nothing else to show. Earlier sessions of the
 * device stay: a copy of its store would otherwise sign the original out, and the original the copy, for ever.
 */
export function createDeviceLogin(parts: SignInParts & { readonly deviceProofs: DeviceProofs }) {
  return (ctx: Ctx, proof: DeviceProof): Promise<SignedIn> =>
    asSystem(ctx, async (tx) => {
      const device = await parts.deviceProofs.require(tx, proof);
      const accountId = device.account_id;
      if ((await findAccount(tx, accountId))?.kind !== 'anonymous') throw deviceNotEnough();
      const signedIn = await signIn(tx, parts, device);
      await parts.trail.record(tx, accountId, {
        action: 'session.opened',
        target: { type: 'account', id: accountId },
        actor: asAccount(accountId),
        detail: { by: 'device', device: device.id },
      });
      return signedIn;
    });
}
