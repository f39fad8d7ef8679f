/**
 * Challenges that nobody has to keep: each carries its expiry and a MAC over it and the device that it is for. So asking
 * for one fills nothing up, and is the same for a device that exists and for one that does not. Only what was signed is
 * written down, so that it is good once.
 */
import { createHmac, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Challenge } from '@alcove/contract/identity';
import type { TxCtx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import { hashToken, type MasterKeys } from '../../../platform/crypto/index.ts';
import { deleteSignedChallengesBefore, insertSignedChallenge } from './challenge-store.ts';

export interface Challenges {
  issue(deviceId: string): Challenge;
  /** Uses up a challenge that the device of that account has signed; says whether it was still good. */
  use(tx: TxCtx, signed: { deviceId: string; accountId: string; challenge: string }): Promise<boolean>;
  sweep(tx: TxCtx): Promise<void>;
}

const goodForMs = 60_000;
/** By how much the clocks of two nodes may differ before a challenge could be used once on each. */
const rememberedMs = 24 * 3_600_000;
const expiryBytes = 8;
const bodyBytes = expiryBytes + 16;
const macBytes = 32;

export function createChallenges(parts: {
  readonly clock: Clock;
  readonly masterKeys: MasterKeys;
}): Challenges {
  const { clock } = parts;
  const key = parts.masterKeys[0].derive('device challenges');

  function readExpiry(deviceId: string, challenge: string): number | undefined {
    const bytes = Buffer.from(challenge, 'base64url');
    // Several texts would stand for the same bytes otherwise, and each would be good once.
    const isCanonical = bytes.toString('base64url') === challenge;
    if (!isCanonical || bytes.length !== bodyBytes + macBytes) return undefined;
    const body = bytes.subarray(0, bodyBytes);
    const mac = bytes.subarray(bodyBytes);
    return timingSafeEqual(macOf(key, deviceId, body), mac) ? Number(body.readBigUInt64BE()) : undefined;
  }

  return {
    issue(deviceId) {
      const expiresAt = clock.now() + goodForMs;
      const body = Buffer.concat([Buffer.alloc(expiryBytes), randomBytes(bodyBytes - expiryBytes)]);
      body.writeBigUInt64BE(BigInt(expiresAt));
      const challenge = Buffer.concat([body, macOf(key, deviceId, body)]).toString('base64url');
      return { challenge, expiresAt: new Date(expiresAt).toISOString() };
    },

    async use(tx, { deviceId, accountId, challenge }) {
      const expiresAt = readExpiry(deviceId, challenge);
      if (expiresAt === undefined || expiresAt <= clock.now()) return false;
      return insertSignedChallenge(tx, {
        hash: hashToken(challenge),
        account_id: accountId,
        expires_at: new Date(expiresAt),
      });
    },

    sweep: (tx) => deleteSignedChallengesBefore(tx, new Date(clock.now() - rememberedMs)),
  };
}

function macOf(key: KeyObject, deviceId: string, body: Buffer): Buffer {
  return createHmac('sha256', key).update(deviceId).update(body).digest();
}
