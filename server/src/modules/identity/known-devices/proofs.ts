/** How a device that the service knows proves that it is the one: by its signature over a fresh challenge. */
import { generateKeyPairSync } from 'node:crypto';
import type { Challenge, DeviceProof, PublicJwk } from '@alcove/contract/identity';
import { deviceSignInText, recoveryText } from '@alcove/contract/keys';
import type { RecoverRequest } from '@alcove/contract/recovery';
import type { TxCtx } from '../../../context.ts';
import { proofInvalid } from '../errors.ts';
import { isSignedBy } from '../signatures.ts';
import { type DeviceRow, findDeviceOfAnybody, lockAccount } from '../store.ts';
import type { Challenges } from './challenges.ts';

export interface DeviceProofs {
  challenge(deviceId: string): Challenge;
  /**
   * The device that signed, in the owner's transaction, which then holds the account and has used up the challenge. Whatever is wrong, the device,
   * the challenge or the signature, the answer is one and the same.
   */
  require(tx: TxCtx, proof: DeviceProof): Promise<DeviceRow>;
  /** The same for a recovery key, which signs for the keys of one new device. */
  requireRecovery(tx: TxCtx, proof: RecoveryProof, fingerprint: string): Promise<DeviceRow>;
}

type RecoveryProof = Omit<RecoverRequest, 'device'>;

export function createDeviceProofs(challenges: Challenges): DeviceProofs {
  // Signatures of devices that nobody has are checked as well, so that the time does not tell them apart.
  const nobodysKey = createNobodysKey();

  async function check(
    tx: TxCtx,
    kind: DeviceRow['kind'],
    { deviceId, challenge, signature }: DeviceProof,
    text: string,
  ): Promise<DeviceRow> {
    const device = await findDeviceOfAnybody(tx, deviceId, kind);
    const isSigned = isSignedBy(device?.signing_key ?? nobodysKey, text, signature);
    if (device === undefined || !isSigned) throw proofInvalid();
    const accountId = device.account_id;
    // Before the challenge is written down: its row refers to the account, and of two that then wait for the account each
    // would wait for the other.
    await lockAccount(tx, accountId);
    const isStillOurs = (await findDeviceOfAnybody(tx, deviceId, kind)) !== undefined;
    if (!isStillOurs || !(await challenges.use(tx, { deviceId, accountId, challenge }))) throw proofInvalid();
    return device;
  }

  return {
    challenge: (deviceId) => challenges.issue(deviceId),
    require: (tx, proof) => check(tx, 'device', proof, deviceSignInText(proof.deviceId, proof.challenge)),
    requireRecovery(tx, { memberId, challenge, signature }, fingerprint) {
      const text = recoveryText(memberId, challenge, fingerprint);
      return check(tx, 'recovery', { deviceId: memberId, challenge, signature }, text);
    },
  };
}

function createNobodysKey(): PublicJwk {
  const { kty, ...members } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
  return { kty: String(kty), ...members };
}
