/**
 * What an API key looks like: `alc_`, a public id of 8 characters, `_`, a secret of 43 characters, and a checksum of 6. All
 * letters and digits, so that a double click takes the whole secret. The checksum lets scanners of leaked secrets tell a
 * key from noise, and lets us refuse a mistyped one without a look into the database.
 */
import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const publicIdLength = 8;
/** 43 characters of 62 are 256 bits. */
const secretLength = 43;
const checksumLength = 6;
const shape = /^alc_([0-9A-Za-z]{8})_[0-9A-Za-z]{49}$/;

export const createPublicId = (): string => randomText(publicIdLength);

/** A whole new key for that public id. */
export function createKeyText(publicId: string): string {
  const text = `${prefixOf(publicId)}_${randomText(secretLength)}`;
  return text + checksumOf(text);
}

export const prefixOf = (publicId: string): string => `alc_${publicId}`;

export const hintOf = (keyText: string): string => keyText.slice(-4);

/** Whether a bearer token claims to be an API key, right or wrong. */
export const looksLikeKey = (token: string): boolean => token.startsWith('alc_');

/** The public id of a well-formed key; undefined for a text that cannot be one. */
export function readPublicId(keyText: string): string | undefined {
  const publicId = shape.exec(keyText)?.[1];
  const isWhole = checksumOf(keyText.slice(0, -checksumLength)) === keyText.slice(-checksumLength);
  return isWhole ? publicId : undefined;
}

function checksumOf(text: string): string {
  let rest = crc32(text);
  let digits = '';
  while (digits.length < checksumLength) {
    digits = alphabet.charAt(rest % alphabet.length) + digits;
    rest = Math.floor(rest / alphabet.length);
  }
  return digits;
}

function randomText(length: number): string {
  return Array.from({ length }, () => alphabet.charAt(randomInt(alphabet.length))).join('');
}
