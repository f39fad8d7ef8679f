import { createPublicKey, verify } from 'node:crypto';
import type { PublicJwk } from '@alcove/contract/identity';

/** Whether `signature` (base64url; ES256 as raw r‖s) is the device key's signature over the UTF-8 text. */
export function isSignedBy(key: PublicJwk, text: string, signature: string): boolean {
  const publicKey = createPublicKey({ key, format: 'jwk' });
  const algorithm = key.kty === 'OKP' ? null : 'sha256';
  return verify(
    algorithm,
    Buffer.from(text),
    { key: publicKey, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature, 'base64url'),
  );
}
