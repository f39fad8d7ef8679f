/** Checks that a request was signed with a key's own key (RFC 9421), before its body is read. */
import { createHmac, createPublicKey, timingSafeEqual, verify } from 'node:crypto';
import type { RequestSigning } from '../../context.ts';
import { signatureExpired, signatureInvalid, signatureMissing } from './errors.ts';
import { fieldOf, type SignedRequest, signatureBase } from './signature-base.ts';
import { type InnerList, parseByteSequences, parseInnerLists } from './structured-fields.ts';

export interface SignedBy {
  /** What the signer calls its key. */
  readonly keyId: string;
  /** The algorithm belongs to the key: what a request says of it can only be wrong. */
  readonly signing: RequestSigning;
}

/** What is left to be checked: the nonce against those that were used, and the digest once the body is there. */
export interface VerifiedSignature {
  readonly nonce: string;
  readonly expiresAtMs: number;
}

const ageSecondsMax = 300;
/** A signer's clock may be a little ahead of ours. */
const aheadSecondsMax = 30;
const nonceShape = /^[\x21-\x7e]{8,128}$/;

/** Every request covers these. */
const always = ['@method', '@target-uri'];
/** A request that sends one of these covers it, since each changes what the request does. */
const whenSent = ['content-type', 'idempotency-key', 'x-idempotency-key', 'alcove-workspace'];

export function verifyRequest(request: SignedRequest, by: SignedBy, nowMs: number): VerifiedSignature {
  const { covered, signature } = findSignature(request, by.keyId);
  const { parameters } = covered;
  requireCoverage(request, covered);

  const algorithm = parameters.get('alg');
  if (algorithm !== undefined && algorithm !== by.signing.algorithm)
    throw signatureInvalid(`This key signs with ${by.signing.algorithm}.`);
  const nonce = parameters.get('nonce');
  if (typeof nonce !== 'string' || !nonceShape.test(nonce))
    throw signatureInvalid('The parameter nonce has to be a string of 8 to 128 visible characters.');
  const expiresAtMs = requireFresh(parameters, nowMs);

  const base = signatureBase(request, covered);
  if (base === undefined) throw signatureInvalid('A covered component is unknown, not there or named twice.');
  if (!isSignatureOf(base, signature, by.signing)) throw signatureInvalid();
  return { nonce, expiresAtMs };
}

/** The one signature of this key. Others, such as a proxy's, are nothing to us. */
function findSignature(request: SignedRequest, keyId: string): { covered: InnerList; signature: Buffer } {
  const [inputs, signatures] = ['signature-input', 'signature'].map((name) => fieldOf(request, name));
  if (inputs === undefined || signatures === undefined)
    throw signatureMissing('Send Signature-Input and Signature (RFC 9421).');
  const lists = parseInnerLists(inputs);
  const bytes = parseByteSequences(signatures);
  if (lists === undefined || bytes === undefined)
    throw signatureInvalid('Signature-Input or Signature is not a dictionary as RFC 9421 has it.');
  const own = [...lists].filter(([, { parameters }]) => parameters.get('keyid') === keyId);
  const [label, covered] = own[0] ?? [];
  const signature = label === undefined ? undefined : bytes.get(label);
  if (own.length !== 1 || covered === undefined || signature === undefined)
    throw signatureInvalid(`Exactly one signature has to have the keyid ${keyId}.`);
  return { covered, signature };
}

function requireCoverage(request: SignedRequest, { items }: InnerList): void {
  const covered = new Set(items.map(({ name }) => name));
  const needed = [
    ...always,
    ...whenSent.filter((name) => fieldOf(request, name) !== undefined),
    ...(announcesBody(request) ? ['content-digest'] : []),
  ];
  const missing = needed.filter((name) => !covered.has(name));
  if (missing.length > 0) throw signatureInvalid(`The signature has to cover ${missing.join(', ')}.`);
}

export function announcesBody(request: SignedRequest): boolean {
  const length = fieldOf(request, 'content-length');
  return fieldOf(request, 'transfer-encoding') !== undefined || (length !== undefined && length !== '0');
}

function requireFresh(parameters: InnerList['parameters'], nowMs: number): number {
  const [created, expires] = [parameters.get('created'), parameters.get('expires')];
  if (typeof created !== 'number')
    throw signatureInvalid('The parameter created has to be a time in seconds.');
  const ageSeconds = nowMs / 1000 - created;
  const hasExpired = typeof expires === 'number' && nowMs / 1000 > expires;
  if (ageSeconds > ageSecondsMax || ageSeconds < -aheadSecondsMax || hasExpired)
    throw signatureExpired(`A signature holds for ${ageSecondsMax} s from its parameter created.`);
  return (created + ageSecondsMax) * 1000;
}

export function isSignatureOf(base: string, signature: Buffer, signing: RequestSigning): boolean {
  if (signing.algorithm === 'ed25519') {
    const key = createPublicKey({ key: signing.publicKey, format: 'jwk' });
    return key.asymmetricKeyType === 'ed25519' && verify(null, Buffer.from(base), key, signature);
  }
  const secret = Buffer.from(signing.secret.reveal(), 'base64url');
  const expected = createHmac('sha256', secret).update(base).digest();
  return signature.length === expected.length && timingSafeEqual(signature, expected);
}
