/** How a device that the server knows signs in again: by its own signature, without anybody's help. */
import type { DeviceProof } from '@alcove/contract';
import { deviceSignInText } from '@alcove/contract/keys';
import { sign } from './crypto/keys.ts';
import { AlcoveError } from './errors.ts';
import type { Http } from './http.ts';
import { type Records, requireDevice, requireIdentity, type TokensRecord } from './records.ts';
import { tokensToRecord } from './tokens.ts';
import { isChallenge, isSignedIn } from './wire.ts';

export interface DeviceSignInParts {
  readonly records: Records;
  readonly http: Http;
  readonly now: () => number;
}

/** A session of this very device. Enough for an anonymous account; throws `auth.device_not_enough` for any other. */
export async function signInByDevice(parts: DeviceSignInParts): Promise<TokensRecord> {
  const { records, http, now } = parts;
  const { accountId, deviceId } = await requireIdentity(records);
  const { account, device, tokens } = await http.request({
    method: 'POST',
    path: '/api/v1/auth/device-login',
    body: await proveDevice(parts),
    answer: isSignedIn,
  });
  if (account.id === accountId && device.id === deviceId) return tokensToRecord(tokens, accountId, now());
  throw new AlcoveError('protocol', 'The server answered with a session of another device.');
}

/** Signs a fresh challenge as the device of this store. */
export async function proveDevice({ records, http }: DeviceSignInParts): Promise<DeviceProof> {
  const { deviceId } = await requireIdentity(records);
  const { keys } = await requireDevice(records);
  const { challenge } = await http.request({
    method: 'POST',
    path: '/api/v1/auth/challenges',
    body: { deviceId },
    answer: isChallenge,
    isRepeatable: true,
  });
  return { deviceId, challenge, signature: await sign(keys.signing, deviceSignInText(deviceId, challenge)) };
}
