/** How a device that the service knows proves that it is the one: by its signature over a fresh challenge. */
import { generateKeyPairSync } from 'node:crypto';
import type { Challenge, DeviceProof, PublicJwk } from '@alcove/contract/identity';
import { deviceSignInText } from '@alcove/contract/keys';
import type { TxCtx } from '../../../context.ts';
import { proofInvalid } from '../errors.ts';
import { isSignedBy } from '../signatures.ts';
import { type DeviceRow, findDeviceOfAnybody } from '../store.ts';
import type { Challenges } from './challenges.ts';

export interface DeviceProofs {
  challenge(deviceId: string): Challenge;
  /**
   * The device that signed, in the owner's transaction, in which the challenge is used up. Whatever is wrong, the device,
   * the challenge or the signature, the answer is one and the same.
   */
  require(tx: TxCtx, proof: DeviceProof): Promise<DeviceRow>;
}

export function createDeviceProofs(challenges: Challenges): DeviceProofs {
  // Signatures of devices that nobody has are checked as well, so that the time does not tell them apart.
  const nobodysKey = createNobodysKey();
  return {
    challenge: (deviceId) => challenges.issue(deviceId),

    async require(tx, { deviceId, challenge, signature }) {
      const device = await findDeviceOfAnybody(tx, deviceId);
      const key = device?.signing_key ?? nobodysKey;
      const isSigned = isSignedBy(key, deviceSignInText(deviceId, challenge), signature);
      if (device === undefined || !isSigned) throw proofInvalid();
      const accountId = device.account_id;
      if (!(await challenges.use(tx, { deviceId, accountId, challenge }))) throw proofInvalid();
      return device;
    },
  };
}

function createNobodysKey(): PublicJwk {
  const { kty, ...members } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
  return { kty: String(kty), ...members };
}
