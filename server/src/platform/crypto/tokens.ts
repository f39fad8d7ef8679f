import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** A new opaque token: 256 random bits as 43 characters of base64url. */
export function createToken(): string {
  return randomBytes(32).toString('base64url');
}

/**
 * What is stored of a token: its SHA-256. A token of 256 random bits cannot be guessed from its hash, so the slow
 * hashes that passwords need would only cost time.
 */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Compares in a time that depends neither on where the two differ nor on the length of the expected one. */
export function isSameText(given: string, expected: string): boolean {
  return timingSafeEqual(hashToken(given), hashToken(expected));
}
