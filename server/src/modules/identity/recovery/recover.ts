import type { SignedIn } from '@alcove/contract/identity';
import type { RecoverRequest } from '@alcove/contract/recovery';
import { asSystem, type Ctx } from '../../../context.ts';
import { addUnendorsedDevice, readNewDevice } from '../coming-device.ts';
import type { DeviceProofs } from '../known-devices/proofs.ts';
import type { Letters } from '../letters.ts';
import type { TellOwner } from '../notices.ts';
import { type SignInParts, signIn } from '../sign-in.ts';
import { asAccount } from '../trail.ts';

/**
 * Lets a new device in by the signature of the recovery key, whatever kind of account it is. The device is not admitted by
 * that: in this session it reads the shares of the recovery key, and then writes its own entry, signed by that key.
 */
export function createRecover(
  parts: SignInParts & {
    readonly deviceProofs: DeviceProofs;
    readonly letters: Pick<Letters, 'recoveryUsed'>;
    readonly tellOwner: TellOwner;
  },
) {
  return async (ctx: Ctx, { device: input, ...proof }: RecoverRequest): Promise<SignedIn> => {
    const coming = await readNewDevice(input);
    return asSystem(ctx, async (tx) => {
      const member = await parts.deviceProofs.requireRecovery(tx, proof, coming.fingerprint);
      const accountId = member.account_id;
      const device = await addUnendorsedDevice(tx, parts, accountId, coming);
      const signedIn = await signIn(tx, parts, device, { recoveryId: member.id });
      await parts.tellOwner(tx, accountId, parts.letters.recoveryUsed);
      await parts.trail.record(tx, accountId, {
        action: 'recovery.used',
        target: { type: 'device', id: device.id },
        actor: asAccount(accountId),
        detail: { recovery: member.id },
      });
      return signedIn;
    });
  };
}
