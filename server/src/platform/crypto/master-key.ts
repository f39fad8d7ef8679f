import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Secret } from './secret.ts';
import { readOrCreateSecretFile, SecretFileError } from './secret-file.ts';

/** The key at the root of everything encrypted at rest. It encrypts nothing itself: each use derives its own key. */
export interface MasterKey {
  /** Names the key without telling it: stands in front of what it encrypted. */
  readonly id: Buffer;
  /** A key of 32 bytes for one purpose (HKDF-SHA-256, RFC 5869). Other purposes cannot be computed from it. */
  derive(purpose: string): KeyObject;
}

export const keyIdBytes = 8;

export interface MasterKeySource {
  /** From the settings; it wins over the file. */
  readonly setting: Secret | undefined;
  readonly dataDir: string;
  /** Whether data exists that an earlier master key encrypted: then a missing file is a loss, not a first start. */
  readonly dataExists: boolean;
}

export function loadMasterKey({ setting, dataDir, dataExists }: MasterKeySource): MasterKey {
  if (setting !== undefined) return createMasterKey(setting);
  const path = join(dataDir, 'master.key');
  const create = dataExists ? undefined : () => randomBytes(32).toString('base64url');
  const { secret } = readOrCreateSecretFile(path, create);
  if (Buffer.from(secret.reveal(), 'base64url').length !== 32) {
    throw new SecretFileError(`${path} does not hold 32 bytes in base64url. Restore it from a backup.`);
  }
  return createMasterKey(secret);
}

/** A master key from its text: 32 bytes in base64url. */
export function createMasterKey(text: Secret): MasterKey {
  const bytes = Buffer.from(text.reveal(), 'base64url');
  if (bytes.length !== 32) throw new RangeError(`a master key has 32 bytes, not ${bytes.length}`);
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return {
    id: expand(key, 'alcove key id', keyIdBytes),
    derive: (purpose) => createSecretKey(expand(key, `alcove key for ${purpose}`, 32)),
  };
}

function expand(key: KeyObject, info: string, sizeBytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', info, sizeBytes));
}
