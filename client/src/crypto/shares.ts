/**
 * Key shares: an epoch key, wrapped to one device. The server stores them without being able to open them, and a
 * share proves who made it, so the server cannot plant an epoch key of its own either.
 *
 * Both forms are HPKE (RFC 9180) with HKDF-SHA256 and AES-256-GCM; the KEM follows from the recipient's key (X25519
 * or P-256). `wrapped` is the base64url text of
 *
 * - minted share: 0x01 ‖ minter's id (16) ‖ hash of the device log's head (32) ‖ signature (64) ‖ enc ‖ ciphertext.
 *   HPKE base mode, signed by the minter. Used when a device mints an epoch for devices that are in the log.
 * - pairing share: 0x02 ‖ enc ‖ ciphertext. HPKE PSK mode with the secret of the pairing code. Used before the new
 *   device can know anybody: only who scanned the code can make it, and it binds the endorsement by its hash.
 */

import type { PublicJwk } from '@alcove/contract';
import { fromBase64Url, toBase64Url } from '@alcove/contract/base64url';
import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { AlcoveError } from '../errors.ts';
import { concat } from './bytes.ts';
import { isSignedBy, type KeyPair, publicMembers, sign } from './keys.ts';

const mintedForm = 1;
const pairingForm = 2;
const headOffset = 17;
const signatureOffset = 49;
const sealedOffset = 113;
const utf8 = new TextEncoder();

/** What a minted share is about. Each member is bound by the signature and by HPKE's info. */
export interface MintedPlace {
  readonly account: string;
  readonly epoch: number;
  readonly recipient: string;
  /** Device that mints. */
  readonly minter: string;
  /** Hash of the newest log entry that the minter knew. */
  readonly logHead: string;
}

/** What a pairing share is about. */
export interface PairingPlace {
  readonly account: string;
  readonly epoch: number;
  /** The newest epoch that is handed over: without its share the others do not open, so it cannot be held back. */
  readonly newestEpoch: number;
  readonly recipient: string;
  readonly endorsementHash: string;
  readonly pairingId: string;
}

/** A minted share, taken apart but not yet believed. */
export interface MintedShare {
  readonly minter: string;
  readonly logHead: string;
  readonly signature: string;
  readonly sealed: Uint8Array<ArrayBuffer>;
}

/** Wraps an epoch key to a device of the log, signed by the minter. */
export async function sealMintedShare(
  place: MintedPlace,
  epochKey: Uint8Array<ArrayBuffer>,
  recipientKey: PublicJwk,
  minterKeys: KeyPair,
): Promise<string> {
  const sealed = await hpkeSeal(recipientKey, { info: utf8.encode(mintedInfo(place)) }, epochKey);
  const signature = await sign(minterKeys, mintedText(place, sealed));
  return toBase64Url(
    concat([
      new Uint8Array([mintedForm]),
      uuidToBytes(place.minter),
      fromBase64Url(place.logHead),
      fromBase64Url(signature),
      sealed,
    ]),
  );
}

/** Takes a minted share apart. `undefined` for any other text. */
export function findMintedShare(wrapped: string): MintedShare | undefined {
  const bytes = findBytes(wrapped);
  if (bytes === undefined || bytes[0] !== mintedForm || bytes.length <= sealedOffset) return undefined;
  return {
    minter: bytesToUuid(bytes.subarray(1, headOffset)),
    logHead: toBase64Url(bytes.subarray(headOffset, signatureOffset)),
    signature: toBase64Url(bytes.subarray(signatureOffset, sealedOffset)),
    sealed: bytes.subarray(sealedOffset),
  };
}

/** Opens a minted share after checking the minter's signature. `undefined` when either does not hold. */
export async function openMintedShare(
  place: MintedPlace,
  share: MintedShare,
  minterKey: PublicJwk,
  recipientKeys: KeyPair,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  if (!(await isSignedBy(minterKey, mintedText(place, share.sealed), share.signature))) return undefined;
  return hpkeOpen(recipientKeys, { info: utf8.encode(mintedInfo(place)) }, share.sealed);
}

/** Wraps an epoch key to the device of a pairing, with the secret of its code. */
export async function sealPairingShare(
  place: PairingPlace,
  epochKey: Uint8Array<ArrayBuffer>,
  recipientKey: PublicJwk,
  secret: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const sealed = await hpkeSeal(recipientKey, pairingBinding(place, secret), epochKey);
  return toBase64Url(concat([new Uint8Array([pairingForm]), sealed]));
}

/** Opens a pairing share, or gives `undefined` when its maker did not know the secret or meant another place. */
export async function openPairingShare(
  place: PairingPlace,
  wrapped: string,
  recipientKeys: KeyPair,
  secret: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const bytes = findBytes(wrapped);
  if (bytes === undefined || bytes[0] !== pairingForm) return undefined;
  return hpkeOpen(recipientKeys, pairingBinding(place, secret), bytes.subarray(1));
}

interface Binding {
  readonly info: Uint8Array<ArrayBuffer>;
  readonly psk?: { readonly id: Uint8Array<ArrayBuffer>; readonly key: Uint8Array<ArrayBuffer> };
}

function mintedInfo({ account, epoch, recipient, minter, logHead }: MintedPlace): string {
  return ['alcove-share-v1', account, epoch, recipient, minter, logHead].join('\n');
}

function mintedText(place: MintedPlace, sealed: Uint8Array): string {
  return `${mintedInfo(place)}\n${toBase64Url(sealed)}`;
}

function pairingBinding(place: PairingPlace, secret: Uint8Array<ArrayBuffer>): Binding {
  const { account, epoch, newestEpoch, recipient, endorsementHash, pairingId } = place;
  const info = ['alcove-pairing-share-v1', account, epoch, newestEpoch, recipient, endorsementHash].join(
    '\n',
  );
  return { info: utf8.encode(info), psk: { id: utf8.encode(pairingId), key: secret } };
}

async function hpkeSeal(
  recipientKey: PublicJwk,
  binding: Binding,
  plaintext: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const { suite } = suiteFor(recipientKey);
  const recipientPublicKey = await suite.kem.importKey('jwk', publicMembers(recipientKey), true);
  const sender = await suite.createSenderContext({ recipientPublicKey, ...binding });
  const ciphertext = await sender.seal(plaintext);
  return concat([new Uint8Array(sender.enc), new Uint8Array(ciphertext)]);
}

async function hpkeOpen(
  recipientKeys: KeyPair,
  binding: Binding,
  sealed: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const { suite, encBytes } = suiteFor(recipientKeys.publicKey);
  try {
    const recipientKey = await suite.kem.importKey('jwk', recipientKeys.privateKey, false);
    const enc = sealed.slice(0, encBytes).buffer;
    const recipient = await suite.createRecipientContext({ recipientKey, enc, ...binding });
    return new Uint8Array(await recipient.open(sealed.slice(encBytes).buffer));
  } catch {
    // A share that does not open is an answer here; the caller says what it means.
    return undefined;
  }
}

function suiteFor(key: PublicJwk): { suite: CipherSuite; encBytes: number } {
  const { kty, crv } = publicMembers(key);
  const rest = { kdf: new HkdfSha256(), aead: new Aes256Gcm() };
  if (kty === 'OKP' && crv === 'X25519') {
    return { suite: new CipherSuite({ kem: new DhkemX25519HkdfSha256(), ...rest }), encBytes: 32 };
  }
  if (kty === 'EC' && crv === 'P-256') {
    return { suite: new CipherSuite({ kem: new DhkemP256HkdfSha256(), ...rest }), encBytes: 65 };
  }
  throw new AlcoveError(
    'keys.unsupported',
    `Epoch keys can be wrapped to X25519 and P-256 keys; this device has a key of type ${kty}${crv ? ` ${crv}` : ''}.`,
  );
}

function uuidToBytes(uuid: string): Uint8Array {
  return Uint8Array.from(uuid.replaceAll('-', '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function bytesToUuid(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function findBytes(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return fromBase64Url(text);
  } catch {
    return undefined;
  }
}
