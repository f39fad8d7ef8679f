/** Signing the requests of an API key (RFC 9421), for keys that were made with `signing`. */
import { fromBase64Url, toBase64Url } from '@alcove/contract/base64url';
import { AlcoveError } from './errors.ts';
import type { OutgoingRequest } from './http.ts';

/** What an API key signs with: the private half of its Ed25519 key, or the secret that was shown when it was made. */
export type RequestSigning =
  | { readonly algorithm: 'ed25519'; readonly privateKey: JsonWebKey }
  | { readonly algorithm: 'hmac-sha256'; readonly secret: string };

export type SignRequest = (request: OutgoingRequest) => Promise<Record<string, string>>;

const label = 'alcove';
/** What changes the meaning of a request; the address and the method are always covered. */
const coveredFields = ['content-type', 'content-digest', 'idempotency-key', 'alcove-workspace'];
const utf8 = new TextEncoder();

/** Throws `invalid_argument` for a key that cannot sign. */
export async function createSignRequest(
  apiKey: string,
  signing: RequestSigning,
  now: () => number,
): Promise<SignRequest> {
  const keyId = publicIdOf(apiKey);
  const { key, algorithm } = await importKey(signing);
  return async ({ method, url, headers, body }) => {
    const digest: Record<string, string> =
      body === undefined ? {} : { 'Content-Digest': await contentDigest(body) };
    const fields = new Map(
      Object.entries({ ...headers, ...digest }).map(([name, value]) => [name.toLowerCase(), value]),
    );
    const lines: [name: string, value: string][] = [
      ['@method', method],
      ['@target-uri', new URL(url).href],
      ...coveredFields.flatMap((name): [string, string][] => {
        const value = fields.get(name);
        return value === undefined ? [] : [[name, value]];
      }),
    ];
    const params = signatureParams(
      lines.map(([name]) => name),
      { created: Math.floor(now() / 1000), keyId, algorithm: signing.algorithm },
    );
    const base = [...lines, ['@signature-params', params]].map(([name, value]) => `"${name}": ${value}`);
    const signature = await crypto.subtle.sign(algorithm, key, utf8.encode(base.join('\n')));
    return {
      ...digest,
      'Signature-Input': `${label}=${params}`,
      Signature: `${label}=:${toBase64(new Uint8Array(signature))}:`,
    };
  };
}

function signatureParams(
  names: readonly string[],
  { created, keyId, algorithm }: { created: number; keyId: string; algorithm: string },
): string {
  const nonce = toBase64Url(crypto.getRandomValues(new Uint8Array(16)));
  const list = names.map((name) => `"${name}"`).join(' ');
  return `(${list});created=${created};nonce="${nonce}";keyid="${keyId}";alg="${algorithm}"`;
}

/** `alc_`, eight characters, `_`, the secret. */
function publicIdOf(apiKey: string): string {
  const [, id] = /^alc_([A-Za-z0-9]+)_/.exec(apiKey) ?? [];
  if (id === undefined) throw new AlcoveError('invalid_argument', 'apiKey is not an API key of Alcove.');
  return id;
}

async function importKey(signing: RequestSigning): Promise<{ key: CryptoKey; algorithm: Algorithm }> {
  try {
    if (signing.algorithm === 'ed25519') {
      const algorithm = { name: 'Ed25519' };
      return {
        algorithm,
        key: await crypto.subtle.importKey('jwk', signing.privateKey, algorithm, false, ['sign']),
      };
    }
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    const bytes = fromBase64Url(signing.secret);
    return { algorithm, key: await crypto.subtle.importKey('raw', bytes, algorithm, false, ['sign']) };
  } catch (cause) {
    const message = `signing holds no usable key for ${signing.algorithm}.`;
    throw new AlcoveError('invalid_argument', message, { cause });
  }
}

async function contentDigest(body: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', utf8.encode(body));
  return `sha-256=:${toBase64(new Uint8Array(digest))}:`;
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
