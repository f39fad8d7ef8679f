/** What the first device of an account decides: the entry that begins the device log, and the first epoch key. */
import type { LogEntry } from '@alcove/contract';
import { toBase64Url } from '@alcove/contract/base64url';
import { jwkThumbprint } from '@alcove/contract/keys';
import type { DeviceKeys } from './crypto/keys.ts';
import { signEntry } from './device-log.ts';
import type { EpochRecord } from './records.ts';

export async function createGenesis(
  { accountId, deviceId }: { readonly accountId: string; readonly deviceId: string },
  keys: DeviceKeys,
): Promise<LogEntry> {
  const unsigned = {
    action: 'genesis',
    accountId,
    deviceId,
    encryptionKeyThumbprint: await jwkThumbprint(keys.encryption.publicKey),
    signingKeyThumbprint: await jwkThumbprint(keys.signing.publicKey),
    previousHash: '',
    by: deviceId,
  } as const;
  return signEntry(unsigned, keys.signing);
}

export function createFirstEpoch(): EpochRecord {
  return { epoch: 1, key: toBase64Url(crypto.getRandomValues(new Uint8Array(32))), logLength: 1 };
}
