/** A device's two key pairs, and signatures by them. Everything is WebCrypto; the keys travel and rest as JWK. */

import type { PublicJwk } from '@alcove/contract';
import { fromBase64Url, toBase64Url } from '@alcove/contract/base64url';
import { AlcoveError } from '../errors.ts';

/** A key pair as it rests in the store. The private half never leaves the device. */
export interface KeyPair {
  readonly publicKey: PublicJwk;
  readonly privateKey: JsonWebKey;
}

/** X25519 to receive epoch keys, Ed25519 to sign. */
export interface DeviceKeys {
  readonly encryption: KeyPair;
  readonly signing: KeyPair;
}

const utf8 = new TextEncoder();

/** Makes the keys of a new device. */
export async function createDeviceKeys(): Promise<DeviceKeys> {
  const [encryption, signing] = await Promise.all([
    crypto.subtle.generateKey('X25519', true, ['deriveBits']),
    crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']),
  ]);
  return { encryption: await exportPair(encryption), signing: await exportPair(signing) };
}

/** Signs UTF-8 text. */
export async function sign(pair: KeyPair, text: string): Promise<string> {
  const key = await importJwk(pair.privateKey, signatureOf(pair.privateKey), ['sign']);
  const signature = await crypto.subtle.sign(signatureOf(pair.privateKey), key, utf8.encode(text));
  return toBase64Url(new Uint8Array(signature));
}

/** True when `signature` over `text` is by this public key. False for anything malformed. */
export async function isSignedBy(publicKey: PublicJwk, text: string, signature: string): Promise<boolean> {
  try {
    const jwk = publicMembers(publicKey);
    const key = await importJwk(jwk, signatureOf(jwk), ['verify']);
    return await crypto.subtle.verify(signatureOf(jwk), key, fromBase64Url(signature), utf8.encode(text));
  } catch {
    return false;
  }
}

/** Only what makes the key: what else a server may have put into the JWK is not handed to WebCrypto. */
export function publicMembers(key: PublicJwk): JsonWebKey & { kty: string } {
  const members: Record<string, string> = {};
  for (const [name, value] of Object.entries(key)) {
    if (['crv', 'x', 'y'].includes(name) && typeof value === 'string') members[name] = value;
  }
  return { ...members, kty: key.kty };
}

/** The key pair of a private key in PKCS #8. */
export async function exportPrivate(
  pkcs8: Uint8Array<ArrayBuffer>,
  curve: 'X25519' | 'Ed25519',
): Promise<KeyPair> {
  const usages: KeyUsage[] = curve === 'X25519' ? ['deriveBits'] : ['sign'];
  const key = await crypto.subtle.importKey('pkcs8', pkcs8, { name: curve }, true, usages);
  return toPair(await crypto.subtle.exportKey('jwk', key));
}

async function exportPair(pair: CryptoKeyPair | CryptoKey): Promise<KeyPair> {
  if (!('privateKey' in pair)) throw new TypeError('expected a key pair');
  return toPair(await crypto.subtle.exportKey('jwk', pair.privateKey));
}

/** A private JWK of these curves says the public key, too. */
function toPair({ kty = '', crv, x, d }: JsonWebKey): KeyPair {
  return {
    publicKey: publicMembers(Object.assign({ kty }, { crv, x })),
    privateKey: Object.fromEntries(Object.entries({ kty, crv, x, d }).filter(([, value]) => value)),
  };
}

function importJwk(jwk: JsonWebKey, algorithm: EcKeyImportParams | Algorithm, usages: KeyUsage[]) {
  return crypto.subtle.importKey('jwk', jwk, algorithm, false, usages);
}

function signatureOf({ kty, crv }: JsonWebKey) {
  if (kty === 'OKP' && crv === 'Ed25519') return { name: 'Ed25519' };
  if (kty === 'EC' && crv === 'P-256') return { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  throw new AlcoveError('keys.unsupported', `Signing keys are Ed25519 or P-256, this one is ${kty} ${crv}.`);
}
