/**
 * The text of a pairing's QR code: `alcove-pair:1.<pairing id>.<fingerprint>.<secret>[.<server url>]`.
 *
 * The fingerprint lets the scanning device see that the server shows it the right keys; the secret (256 bit) proves to
 * the new device that what it receives comes from who scanned the code. The server sees neither.
 */
import { fromBase64Url, toBase64Url } from '@alcove/contract/base64url';
import { AlcoveError } from './errors.ts';

const prefix = 'alcove-pair:1.';
const secretBytes = 32;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const utf8 = new TextEncoder();

/** What a pairing code says. */
export interface PairingCode {
  readonly pairingId: string;
  /** Fingerprint of the new device's keys, base64url SHA-256. */
  readonly fingerprint: string;
  readonly secret: Uint8Array<ArrayBuffer>;
  /** Where the new device looks for its server. */
  readonly url?: string;
}

/** A fresh secret for a code. */
export function createPairingSecret(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(secretBytes));
}

/** Writes a code. */
export function formatPairingCode({ pairingId, fingerprint, secret, url }: PairingCode): string {
  const parts = [pairingId, fingerprint, toBase64Url(secret)];
  if (url !== undefined) parts.push(toBase64Url(utf8.encode(url)));
  return `${prefix}${parts.join('.')}`;
}

/** Reads a code, with blanks around it forgiven. Throws `pairing.invalid_code`. */
export function parsePairingCode(text: string): PairingCode {
  const code = text.trim();
  const [pairingId = '', fingerprint = '', secretText = '', urlText, ...rest] = code
    .slice(prefix.length)
    .split('.');
  const secret = bytesOf(secretText);
  const url = urlText === undefined ? undefined : bytesOf(urlText);
  if (!code.startsWith(prefix) || !uuid.test(pairingId) || rest.length > 0) throw invalid();
  if (bytesOf(fingerprint).length !== 32 || secret.length !== secretBytes) throw invalid();
  const read = { pairingId, fingerprint, secret };
  return url === undefined ? read : { ...read, url: new TextDecoder().decode(url) };
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  try {
    return fromBase64Url(text);
  } catch (cause) {
    throw invalid(cause);
  }
}

function invalid(cause?: unknown): AlcoveError {
  const message = 'This is not a whole Alcove pairing code. Scan it again, or copy all of it.';
  return new AlcoveError('pairing.invalid_code', message, { cause });
}
