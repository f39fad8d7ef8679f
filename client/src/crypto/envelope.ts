/**
 * How one version of one item is sealed.
 *
 * payload = base64url(0x02 ‖ nonce (12 bytes) ‖ AES-256-GCM ciphertext and tag)
 *
 * The key is HKDF-SHA256(epoch key, empty salt, info "alcove-item-v2\n" kind "\n" id), so each item has its own and a
 * nonce can only repeat within one item. The additional data binds all that a version says of itself in the open, except
 * `meta`, which the server has a part in: account, kind, id, epoch, clock, who wrote it and when, and whether it is a
 * deletion. A server that moves a payload to another place, an old one to a newer clock or a deletion to a living item,
 * or that names another author, makes it unreadable instead of believed. A deletion seals an empty text: that it opens is
 * the proof that a device of the account made it.
 *
 * The nonce is a synthetic one, as in SIV: the first 12 bytes of HMAC-SHA256(HKDF of the epoch key with info
 * "alcove-item-nonce-v2\n" kind "\n" id, additional data "\n" plaintext). So one version is one payload, whichever device
 * seals it again: a vault that has lost it can be sent it again, and knows a second arrival for what it is. Nothing is
 * revealed by that, for the additional data holds the clock and the author, and no two versions have both the same.
 */
import { fromBase64Url, toBase64Url } from '@alcove/contract/base64url';
import { canonicalClock, type VectorClock } from '@alcove/contract/clock';
import { concat } from './bytes.ts';
import { pad, unpad } from './padding.ts';

const label = 'alcove-item-v2';
const nonceLabel = 'alcove-item-nonce-v2';
const version = 2;
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
  /** The device that wrote it. */
  readonly deviceId: string;
  /** Hybrid time. */
  readonly time: string;
  readonly deleted: boolean;
}

/** An epoch key, ready for deriving item keys. */
export function importEpochKey(raw: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', raw, 'HKDF', false, ['deriveKey']);
}

/** Seals `plaintext` for its place. Sealing it there again gives the same payload. */
export async function seal(
  epochKey: CryptoKey,
  place: Place,
  plaintext: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const nonce = await deriveNonce(epochKey, place, plaintext);
  const key = await deriveItemKey(epochKey, place);
  const sealed = await crypto.subtle.encrypt(gcm(nonce, place), key, pad(plaintext));
  return toBase64Url(concat([new Uint8Array([version]), nonce, new Uint8Array(sealed)]));
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

function deriveItemKey(epochKey: CryptoKey, place: Place): Promise<CryptoKey> {
  const aes = { name: 'AES-GCM', length: 256 };
  return crypto.subtle.deriveKey(hkdf(label, place), epochKey, aes, false, ['encrypt', 'decrypt']);
}

async function deriveNonce(
  epochKey: CryptoKey,
  place: Place,
  plaintext: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const hmac = { name: 'HMAC', hash: 'SHA-256', length: 256 };
  const key = await crypto.subtle.deriveKey(hkdf(nonceLabel, place), epochKey, hmac, false, ['sign']);
  // The additional data has a fixed number of lines, so no other pair of texts gives the same bytes.
  const text = concat([utf8.encode(`${additionalData(place)}\n`), plaintext]);
  const mac = await crypto.subtle.sign('HMAC', key, text);
  return new Uint8Array(mac).slice(0, nonceBytes);
}

function hkdf(purpose: string, { kind, id }: Place): HkdfParams {
  const info = utf8.encode([purpose, kind, id].join('\n'));
  return { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info };
}

function gcm(iv: Uint8Array<ArrayBuffer>, place: Place): AesGcmParams {
  return { name: 'AES-GCM', iv, additionalData: utf8.encode(additionalData(place)) };
}

function additionalData({ account, kind, id, epoch, clock, deviceId, time, deleted }: Place): string {
  const op = deleted ? 'delete' : 'put';
  return [label, account, kind, id, epoch, canonicalClock(clock), deviceId, time, op].join('\n');
}

function findBytes(payload: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return fromBase64Url(payload);
  } catch {
    return undefined;
  }
}
