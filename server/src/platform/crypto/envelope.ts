import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { keyIdBytes, type MasterKey } from './master-key.ts';

/** Encryption at rest. What is encrypted is bound to its place: moved to another row, it does not decrypt. */
export interface Envelope {
  /** `place` says where the ciphertext lives, for example `['signing-key', id]`. Decrypting needs the same. */
  encrypt(plaintext: Uint8Array, place: readonly string[]): Buffer;
  /** Throws a `DecryptionError` for another key, another place, or a single changed bit. */
  decrypt(ciphertext: Uint8Array, place: readonly string[]): Buffer;
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
 */
const version = 1;
const wrappedKeyBytes = 40;
const nonceBytes = 12;
const tagBytes = 16;
const keyAt = 1 + keyIdBytes;
const nonceAt = keyAt + wrappedKeyBytes;
const bodyAt = nonceAt + nonceBytes;

export function createEnvelope(masterKey: MasterKey): Envelope {
  const wrappingKey = masterKey.derive('envelope encryption');
  return {
    encrypt: (plaintext, place) => encrypt(plaintext, place, masterKey.id, wrappingKey),
    decrypt: (ciphertext, place) => decrypt(Buffer.from(ciphertext), place, masterKey.id, wrappingKey),
  };
}

function encrypt(
  plaintext: Uint8Array,
  place: readonly string[],
  keyId: Buffer,
  wrappingKey: KeyObject,
): Buffer {
  const dataKey = randomBytes(32);
  const header = Buffer.concat([Buffer.of(version), keyId, wrapKey(dataKey, wrappingKey)]);
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', dataKey, nonce);
  cipher.setAAD(bindingOf(header, place));
  const body = [cipher.update(plaintext), cipher.final()];
  dataKey.fill(0);
  return Buffer.concat([header, nonce, ...body, cipher.getAuthTag()]);
}

function decrypt(blob: Buffer, place: readonly string[], keyId: Buffer, wrappingKey: KeyObject): Buffer {
  checkHeader(blob, keyId);
  try {
    const dataKey = unwrapKey(blob.subarray(keyAt, nonceAt), wrappingKey);
    const decipher = createDecipheriv('aes-256-gcm', dataKey, blob.subarray(nonceAt, bodyAt));
    decipher.setAAD(bindingOf(blob.subarray(0, nonceAt), place));
    decipher.setAuthTag(blob.subarray(-tagBytes));
    return Buffer.concat([decipher.update(blob.subarray(bodyAt, -tagBytes)), decipher.final()]);
  } catch (cause) {
    throw new DecryptionError(`the ciphertext does not belong to ${place.join('/')}, or was changed`, {
      cause,
    });
  }
}

function checkHeader(blob: Buffer, keyId: Buffer): void {
  if (blob.length < bodyAt + tagBytes)
    throw new DecryptionError(`${blob.length} bytes are no ciphertext of ours`);
  if (blob[0] !== version) throw new DecryptionError(`version ${blob[0]} of the format is not known here`);
  const id = blob.subarray(1, keyAt);
  if (id.equals(keyId)) return;
  throw new DecryptionError(`needs master key ${id.toString('hex')}, this one is ${keyId.toString('hex')}`);
}

/** JSON keeps the parts apart: `['a', 'bc']` and `['ab', 'c']` are two places. */
function bindingOf(header: Buffer, place: readonly string[]): Buffer {
  return Buffer.concat([header, Buffer.from(JSON.stringify(place))]);
}

/** The fixed first value of RFC 3394, section 2.2.3.1. */
const keyWrapValue = Buffer.alloc(8, 0xa6);

function wrapKey(dataKey: Buffer, wrappingKey: KeyObject): Buffer {
  const cipher = createCipheriv('id-aes256-wrap', wrappingKey, keyWrapValue);
  return Buffer.concat([cipher.update(dataKey), cipher.final()]);
}

function unwrapKey(wrapped: Buffer, wrappingKey: KeyObject): KeyObject {
  const decipher = createDecipheriv('id-aes256-wrap', wrappingKey, keyWrapValue);
  return createSecretKey(Buffer.concat([decipher.update(wrapped), decipher.final()]));
}
