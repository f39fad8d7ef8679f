/**
 * How one version of one item is sealed.
 *
 * payload = base64url(0x01 ‖ nonce (12 bytes) ‖ AES-256-GCM ciphertext and tag)
 *
 * The key is HKDF-SHA256(epoch key, empty salt, info "alcove-item-v1\n" kind "\n" id), so each item has its own and a
 * nonce can only repeat within one item. The additional data binds account, kind, id, epoch and clock: a server that
 * moves a payload to another place, or an old one to a newer clock, makes it unreadable instead of believed.
 */
import { fromBase64Url, toBase64Url } from '@alcove/contract/base64url';
import { canonicalClock, type VectorClock } from '@alcove/contract/clock';
import { pad, unpad } from './padding.ts';

const label = 'alcove-item-v1';
const version = 1;
const nonceBytes = 12;
const tagBytes = 16;
const utf8 = new TextEncoder();

/** Where a payload belongs. It opens there and nowhere else. */
export interface Place {
  readonly account: string;
  readonly kind: string;
  readonly id: string;
  readonly epoch: number;
  readonly clock: VectorClock;
}

/** An epoch key, ready for deriving item keys. */
export function importEpochKey(raw: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', raw, 'HKDF', false, ['deriveKey']);
}

/** Seals `plaintext` for its place. Sealing twice gives two payloads: seal once per clock. */
export async function seal(
  epochKey: CryptoKey,
  place: Place,
  plaintext: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes));
  const key = await deriveItemKey(epochKey, place);
  const sealed = await crypto.subtle.encrypt(gcm(nonce, place), key, pad(plaintext));
  const payload = new Uint8Array(1 + nonceBytes + sealed.byteLength);
  payload[0] = version;
  payload.set(nonce, 1);
  payload.set(new Uint8Array(sealed), 1 + nonceBytes);
  return toBase64Url(payload);
}

/** Opens a payload, or gives `undefined` when it was not sealed with this key for this place. */
export async function open(
  epochKey: CryptoKey,
  place: Place,
  payload: string,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const bytes = findBytes(payload);
  if (bytes === undefined || bytes[0] !== version || bytes.length < 1 + nonceBytes + tagBytes)
    return undefined;
  const nonce = bytes.subarray(1, 1 + nonceBytes);
  const key = await deriveItemKey(epochKey, place);
  try {
    const padded = await crypto.subtle.decrypt(gcm(nonce, place), key, bytes.subarray(1 + nonceBytes));
    return unpad(new Uint8Array(padded));
  } catch {
    // WebCrypto says nothing but "operation failed" for a wrong tag, on purpose.
    return undefined;
  }
}

function deriveItemKey(epochKey: CryptoKey, { kind, id }: Place): Promise<CryptoKey> {
  const info = utf8.encode([label, kind, id].join('\n'));
  const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info };
  return crypto.subtle.deriveKey(hkdf, epochKey, { name: 'AES-GCM', length: 256 }, false, [
    'encrypt',
    'decrypt',
  ]);
}

function gcm(iv: Uint8Array<ArrayBuffer>, place: Place): AesGcmParams {
  const { account, kind, id, epoch, clock } = place;
  const text = [label, account, kind, id, epoch, canonicalClock(clock)].join('\n');
  return { name: 'AES-GCM', iv, additionalData: utf8.encode(text) };
}

function findBytes(payload: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return fromBase64Url(payload);
  } catch {
    return undefined;
  }
}
