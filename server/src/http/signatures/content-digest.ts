/** Content-Digest (RFC 9530): what ties a body to the signature over the fields. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { parseByteSequences } from './structured-fields.ts';

const algorithms = { 'sha-256': 'sha256', 'sha-512': 'sha512' } as const;

/** Whether the field describes these bytes, by every algorithm of it that is known and by one at least. */
export function describesBody(field: string, body: Uint8Array): boolean {
  const digests = parseByteSequences(field);
  if (digests === undefined) return false;
  const known = Object.entries(algorithms).flatMap(([name, hash]) => {
    const digest = digests.get(name);
    return digest === undefined ? [] : [{ digest, hash }];
  });
  return known.length > 0 && known.every(({ digest, hash }) => isDigestOf(digest, hash, body));
}

function isDigestOf(digest: Buffer, hash: string, body: Uint8Array): boolean {
  const actual = createHash(hash).update(body).digest();
  return digest.length === actual.length && timingSafeEqual(digest, actual);
}
