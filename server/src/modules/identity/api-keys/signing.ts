/** How a key's requests are to be signed, from what was asked at its making to what the edge verifies with. */
import type { KeySigning } from '@alcove/contract/api-keys';
import type { RequestSigning } from '../../../context.ts';
import { createToken, type Envelope, Secret } from '../../../platform/crypto/index.ts';
import { requireSigningKey } from '../public-keys.ts';
import type { ApiKeyRow } from './api-key-store.ts';

interface NewSigning {
  readonly row: Pick<ApiKeyRow, 'signing' | 'signing_secret'>;
  /** The shared secret, for the answer that shows it once. */
  readonly signingSecret?: string;
}

/** Throws `device.invalid_key` for a public key that is none. */
export function createSigning(envelope: Envelope, id: string, asked: KeySigning | undefined): NewSigning {
  if (asked === undefined) return { row: { signing: null, signing_secret: null } };
  if (asked.algorithm === 'ed25519') {
    requireSigningKey(asked.publicKey, '/signing/publicKey');
    return { row: { signing: asked, signing_secret: null } };
  }
  const signingSecret = createToken();
  const sealed = envelope.encrypt(Buffer.from(signingSecret), placeOf(id));
  return { row: { signing: asked, signing_secret: sealed }, signingSecret };
}

export function openSigning(
  envelope: Envelope,
  { id, signing, signing_secret: sealed }: Pick<ApiKeyRow, 'id' | 'signing' | 'signing_secret'>,
): RequestSigning | undefined {
  if (signing === null || signing.algorithm === 'ed25519') return signing ?? undefined;
  if (sealed === null) throw new Error('an API key that signs with a shared secret has none');
  return { ...signing, secret: new Secret(envelope.decrypt(sealed, placeOf(id)).toString('utf8')) };
}

const placeOf = (id: string) => ['api_key', 'signing_secret', id];
