import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { keyIdBytes, type MasterKey, type MasterKeys } from './master-key.ts';

/** Encryption at rest. What is encrypted is bound to its place: moved to another row, it does not decrypt. */
export interface Envelope {
  /** `place` says where the ciphertext lives, for example `['signing-key', id]`. Decrypting needs the same. */
  encrypt(plaintext: Uint8Array, place: readonly string[]): Buffer;
  /** Throws a `DecryptionError` for a key that is not here, another place, or a single changed bit. */
  decrypt(ciphertext: Uint8Array, place: readonly string[]): Buffer;
  /** The same ciphertext under the first master key, without decrypting it; undefined when it is under that already. */
  rewrap(ciphertext: Uint8Array): Buffer | undefined;
}

export class DecryptionError extends Error {
  override readonly name = 'DecryptionError';
}

/*
 * version (1) ‖ master key id (8) ‖ wrapped data key (40) ‖ nonce (12) ‖ ciphertext ‖ tag (16)
 *
 * Each ciphertext has a random data key of its own, so that no count of messages wears out a key, and changing the
 * master key means wrapping 32 bytes again instead of encrypting everything. The data key is wrapped by AES key wrap
 * (RFC 3394), which needs no nonce and therefore has no limit on the number of wraps that a busy server could reach.
 * It also notices any change of the wrapped key by itself, so the tag at the end covers only what stays when keys change.
 */
const version = 2;
const wrappedKeyBytes = 40;
const nonceBytes = 12;
const tagBytes = 16;
const keyAt = 1 + keyIdBytes;
const nonceAt = keyAt + wrappedKeyBytes;
const bodyAt = nonceAt + nonceBytes;

/** Where a ciphertext names the master key it is under, counted as SQL does, from 1. */
export const keyIdInCiphertext = { from: 2, sizeBytes: keyIdBytes };

interface WrappingKey {
  readonly id: Buffer;
  readonly key: KeyObject;
}

export function createEnvelope(masterKeys: MasterKeys): Envelope {
  const [first, ...others] = masterKeys;
  const current = wrappingKeyOf(first);
  const keys = [current, ...others.map(wrappingKeyOf)];
  return {
    encrypt: (plaintext, place) => encrypt(plaintext, place, current),
    decrypt: (ciphertext, place) => decrypt(Buffer.from(ciphertext), place, keys),
    rewrap: (ciphertext) => rewrap(Buffer.from(ciphertext), keys, current),
  };
}

function wrappingKeyOf(masterKey: MasterKey): WrappingKey {
  return { id: masterKey.id, key: masterKey.derive('envelope encryption') };
}

function encrypt(plaintext: Uint8Array, place: readonly string[], { id, key }: WrappingKey): Buffer {
  const dataKey = randomBytes(32);
  const header = Buffer.concat([Buffer.of(version), id, wrapKey(dataKey, key)]);
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', dataKey, nonce);
  cipher.setAAD(bindingOf(place));
  const body = [cipher.update(plaintext), cipher.final()];
  dataKey.fill(0);
  return Buffer.concat([header, nonce, ...body, cipher.getAuthTag()]);
}

function decrypt(blob: Buffer, place: readonly string[], keys: readonly WrappingKey[]): Buffer {
  const { key } = getKeyOf(blob, keys);
  try {
    const dataKey = createSecretKey(unwrapKey(blob.subarray(keyAt, nonceAt), key));
    const decipher = createDecipheriv('aes-256-gcm', dataKey, blob.subarray(nonceAt, bodyAt));
    decipher.setAAD(bindingOf(place));
    decipher.setAuthTag(blob.subarray(-tagBytes));
    return Buffer.concat([decipher.update(blob.subarray(bodyAt, -tagBytes)), decipher.final()]);
  } catch (cause) {
    throw new DecryptionError(`the ciphertext does not belong to ${place.join('/')}, or was changed`, {
      cause,
    });
  }
}

function rewrap(blob: Buffer, keys: readonly WrappingKey[], current: WrappingKey): Buffer | undefined {
  const { id, key } = getKeyOf(blob, keys);
  if (id.equals(current.id)) return undefined;
  try {
    const dataKey = unwrapKey(blob.subarray(keyAt, nonceAt), key);
    const wrapped = wrapKey(dataKey, current.key);
    dataKey.fill(0);
    return Buffer.concat([Buffer.of(version), current.id, wrapped, blob.subarray(nonceAt)]);
  } catch (cause) {
    throw new DecryptionError('the data key of a ciphertext was changed', { cause });
  }
}

function getKeyOf(blob: Buffer, keys: readonly WrappingKey[]): WrappingKey {
  if (blob.length < bodyAt + tagBytes)
    throw new DecryptionError(`${blob.length} bytes are no ciphertext of ours`);
  if (blob[0] !== version) throw new DecryptionError(`version ${blob[0]} of the format is not known here`);
  const id = blob.subarray(1, keyAt);
  const key = keys.find((known) => known.id.equals(id));
  if (key !== undefined) return key;
  const held = keys.map((known) => known.id.toString('hex')).join(', ');
  throw new DecryptionError(`needs master key ${id.toString('hex')}; here is ${held}`);
}

/** JSON keeps the parts apart: `['a', 'bc']` and `['ab', 'c']` are two places. */
function bindingOf(place: readonly string[]): Buffer {
  return Buffer.concat([Buffer.of(version), Buffer.from(JSON.stringify(place))]);
}

/** The fixed first value of RFC 3394, section 2.2.3.1. */
const keyWrapValue = Buffer.alloc(8, 0xa6);

function wrapKey(dataKey: Buffer, wrappingKey: KeyObject): Buffer {
  const cipher = createCipheriv('id-aes256-wrap', wrappingKey, keyWrapValue);
  return Buffer.concat([cipher.update(dataKey), cipher.final()]);
}

function unwrapKey(wrapped: Buffer, wrappingKey: KeyObject): Buffer {
  const decipher = createDecipheriv('id-aes256-wrap', wrappingKey, keyWrapValue);
  return Buffer.concat([decipher.update(wrapped), decipher.final()]);
}
