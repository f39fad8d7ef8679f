import { createHash, createHmac, generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RequestSigning } from '../../context.ts';
import { Secret } from '../../platform/crypto/index.ts';
import { Failure } from '../../platform/errors/index.ts';
import { describesBody } from './content-digest.ts';
import { type SignedRequest, signatureBase } from './signature-base.ts';
import { type InnerList, parseByteSequences, parseInnerLists } from './structured-fields.ts';
import { isSignatureOf, verifyRequest } from './verify-request.ts';

/** The request of RFC 9421, appendix B.2. */
const rfcBody = Buffer.from('{"hello": "world"}');
const rfcRequest: SignedRequest = {
  method: 'POST',
  targetUri: 'https://example.com/foo?param=Value&Pet=dog',
  headers: {
    host: 'example.com',
    date: 'Tue, 20 Apr 2021 02:07:55 GMT',
    'content-type': 'application/json',
    'content-digest':
      'sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:',
    'content-length': '18',
  },
};
const rfcHmac: RequestSigning = {
  algorithm: 'hmac-sha256',
  secret: new Secret(
    Buffer.from(
      'uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==',
      'base64',
    ).toString('base64url'),
  ),
};
const rfcEd25519: RequestSigning = {
  algorithm: 'ed25519',
  publicKey: { kty: 'OKP', crv: 'Ed25519', x: 'JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs' },
};

function parseOne(input: string): InnerList {
  const [list] = parseInnerLists(input)?.values() ?? [];
  if (list === undefined) throw new Error('the field could not be read');
  return list;
}

describe('the examples of RFC 9421, appendix B.2', () => {
  test.each([
    [
      'B.2.5, hmac-sha256',
      rfcHmac,
      'sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
      'sig-b25=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:',
      '"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@authority": example.com\n"content-type": application/json\n' +
        '"@signature-params": ("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
    ],
    [
      'B.2.6, ed25519',
      rfcEd25519,
      'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
      'sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:',
      '"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@method": POST\n"@path": /foo\n"@authority": example.com\n' +
        '"content-type": application/json\n"content-length": 18\n"@signature-params": ("date" "@method" "@path" ' +
        '"@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
    ],
  ])('%s: base and signature are those of the standard', (_name, signing, input, signature, expectedBase) => {
    const base = signatureBase(rfcRequest, parseOne(input));
    expect(base).toBe(expectedBase);
    const [bytes] = parseByteSequences(signature)?.values() ?? [];
    expect(isSignatureOf(expectedBase, bytes ?? Buffer.alloc(0), signing)).toBe(true);
    expect(isSignatureOf(`${expectedBase} `, bytes ?? Buffer.alloc(0), signing)).toBe(false);
  });

  test('its Content-Digest describes its body and no other', () => {
    const field = String(rfcRequest.headers['content-digest']);
    expect(describesBody(field, rfcBody)).toBe(true);
    expect(describesBody(field, Buffer.from('{"hello": "World"}'))).toBe(false);
  });

  test.each([
    ['"@method"', '"@method": POST'],
    ['"@target-uri"', '"@target-uri": https://example.com/foo?param=Value&Pet=dog'],
    ['"@authority"', '"@authority": example.com'],
    ['"@scheme"', '"@scheme": https'],
    ['"@request-target"', '"@request-target": /foo?param=Value&Pet=dog'],
    ['"@path"', '"@path": /foo'],
    ['"@query"', '"@query": ?param=Value&Pet=dog'],
  ])('the derived component %s is as section 2.2 has it', (item, line) => {
    expect(signatureBase(rfcRequest, parseOne(`sig=(${item})`))?.split('\n')[0]).toBe(line);
  });
});

test.each([
  ['sha-256 alone', (body: Buffer) => `sha-256=:${digestOf('sha256', body)}:`, true],
  [
    'both, both right',
    (body: Buffer) => `sha-256=:${digestOf('sha256', body)}:, sha-512=:${digestOf('sha512', body)}:`,
    true,
  ],
  [
    'both, one wrong',
    (body: Buffer) => `sha-256=:${digestOf('sha256', body)}:, sha-512=:${digestOf('sha256', body)}:`,
    false,
  ],
  ['only an algorithm nobody should use', (body: Buffer) => `md5=:${digestOf('md5', body)}:`, false],
  ['no dictionary', (body: Buffer) => digestOf('sha256', body), false],
  ['an empty digest', () => 'sha-256=::', false],
])('a digest by %s is judged as it should be', (_name, field, expected) => {
  expect(describesBody(field(rfcBody), rfcBody)).toBe(expected);
});

function digestOf(hash: string, body: Buffer): string {
  return createHash(hash).update(body).digest('base64');
}

test.each([
  [''],
  ['sig'],
  ['sig=()'.repeat(2)],
  ['sig=("a"),'],
  ['sig=("a"), sig=("b")'],
  ['sig=("a);created=1'],
  ['sig=("a");created=1;created=2'],
  ['sig=("a");x="\\n"'],
  ['SIG=("a")'],
  ['sig=(a)'],
  ['sig=("a") ;'],
])('%j is no field of signatures', (field) => {
  expect(parseInnerLists(field)).toBeUndefined();
});

test('no text makes reading a field fail or take long', () => {
  const alphabet = fc.constantFrom(...'abc()";=:,\\ \t1-?*'.split(''));
  fc.assert(
    fc.property(fc.array(alphabet, { maxLength: 400 }), (letters) => {
      parseInnerLists(letters.join(''));
      parseByteSequences(letters.join(''));
    }),
  );
  const startedAt = performance.now();
  for (const unit of [' ', '"a" ', ';a', ';a=1', ' ;', '\\"', '=', ':'])
    for (const start of ['sig=(', 'sig=("', 'sig=()', 'sig=:'])
      parseInnerLists(start + unit.repeat(16_000 / unit.length));
  expect(performance.now() - startedAt).toBeLessThan(1000);
});

/** A signer as a client would write it. */
const nowMs = 1_763_600_000_000;
const keys = generateKeyPairSync('ed25519');
const exported = keys.publicKey.export({ format: 'jwk' });
const signing: RequestSigning = {
  algorithm: 'ed25519',
  publicKey: { kty: 'OKP', crv: 'Ed25519', x: exported.x ?? '' },
};
const by = { keyId: 'k1', signing };

interface Signing {
  readonly covered?: readonly string[];
  readonly parameters?: string;
  readonly request?: Partial<SignedRequest>;
  /** What an attacker changes afterwards. */
  readonly changed?: Partial<SignedRequest>;
  readonly headers?: Record<string, string>;
}

const standardParameters = ';created=1763600000;keyid="k1";alg="ed25519";nonce="a-nonce-of-mine"';

function signRequest({ covered, parameters, request, changed, headers }: Signing = {}): SignedRequest {
  const plain = { ...rfcRequest, ...request };
  const names = covered ?? ['@method', '@target-uri', 'content-digest', 'content-type'];
  const text = `(${names.map((name) => `"${name}"`).join(' ')})${parameters ?? standardParameters}`;
  const base = signatureBase(plain, parseOne(`sig=${text}`)) ?? '';
  const signature = sign(null, Buffer.from(base), keys.privateKey).toString('base64');
  const signed = { 'signature-input': `sig=${text}`, signature: `sig=:${signature}:` };
  return { ...plain, headers: { ...plain.headers, ...signed, ...headers }, ...changed };
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error.code;
    throw error;
  }
  return 'accepted';
}

const verdictOn = (signed: Signing, at = nowMs) => codeOf(() => verifyRequest(signRequest(signed), by, at));

test('a request that is signed as asked passes, and tells its nonce and how long it has to be remembered', () => {
  expect(verifyRequest(signRequest(), by, nowMs)).toEqual({
    nonce: 'a-nonce-of-mine',
    expiresAtMs: nowMs + 300_000,
  });
});

test.each<[string, Signing, string]>([
  ['another method', { changed: { method: 'DELETE' } }, 'signature.invalid'],
  ['another address', { changed: { targetUri: 'https://example.com/foo?param=Other' } }, 'signature.invalid'],
  [
    'the same path on another service',
    { changed: { targetUri: 'https://evil.example/foo?param=Value&Pet=dog' } },
    'signature.invalid',
  ],
  ['another digest', { headers: { 'content-digest': 'sha-256=:AAAA:' } }, 'signature.invalid'],
  ['another media type', { headers: { 'content-type': 'text/plain' } }, 'signature.invalid'],
  ['a workspace that nobody signed', { headers: { 'alcove-workspace': 'other' } }, 'signature.invalid'],
  ['an Idempotency-Key that nobody signed', { headers: { 'idempotency-key': 'other' } }, 'signature.invalid'],
  ['another signature', { headers: { signature: `sig=:${'A'.repeat(86)}==:` } }, 'signature.invalid'],
  ['a signature under another label', { headers: { signature: 'other=:AAAA:' } }, 'signature.invalid'],
  ['no signature', { headers: { signature: '' } }, 'signature.invalid'],
  [
    'the address not covered',
    { covered: ['@method', 'content-digest', 'content-type'] },
    'signature.invalid',
  ],
  [
    'the method not covered',
    { covered: ['@target-uri', 'content-digest', 'content-type'] },
    'signature.invalid',
  ],
  [
    'the digest of a body not covered',
    { covered: ['@method', '@target-uri', 'content-type'] },
    'signature.invalid',
  ],
  [
    'the media type not covered',
    { covered: ['@method', '@target-uri', 'content-digest'] },
    'signature.invalid',
  ],
  [
    'a component that is not there',
    { covered: ['@method', '@target-uri', 'content-digest', 'content-type', 'x-none'] },
    'signature.invalid',
  ],
  [
    'a component named twice',
    { covered: ['@method', '@method', '@target-uri', 'content-digest', 'content-type'] },
    'signature.invalid',
  ],
  ['no nonce', { parameters: ';created=1763600000;keyid="k1"' }, 'signature.invalid'],
  ['a short nonce', { parameters: ';created=1763600000;keyid="k1";nonce="short"' }, 'signature.invalid'],
  ['no time', { parameters: ';keyid="k1";nonce="a-nonce-of-mine"' }, 'signature.invalid'],
  [
    'another key',
    { parameters: ';created=1763600000;keyid="k2";nonce="a-nonce-of-mine"' },
    'signature.invalid',
  ],
  [
    'another algorithm',
    { parameters: ';created=1763600000;keyid="k1";alg="hmac-sha256";nonce="a-nonce-of-mine"' },
    'signature.invalid',
  ],
  [
    'an end that has passed',
    { parameters: ';created=1763599990;expires=1763599999;keyid="k1";nonce="a-nonce-of-mine"' },
    'signature.expired',
  ],
])('%s is refused', (_name, signed, code) => {
  expect(verdictOn(signed)).toBe(code);
});

test.each([
  [-31, 'signature.expired'],
  [-29, 'accepted'],
  [299, 'accepted'],
  [301, 'signature.expired'],
])('a signature that is %d s old: %s', (ageSeconds, verdict) => {
  expect(verdictOn({}, nowMs + ageSeconds * 1000)).toBe(verdict);
});

test('without any signature the answer says what to send', () => {
  expect(codeOf(() => verifyRequest(rfcRequest, by, nowMs))).toBe('signature.missing');
});

test('a request without a body needs no digest, and one that gets a body on its way does', () => {
  const request = { method: 'DELETE', headers: {} };
  expect(verdictOn({ request, covered: ['@method', '@target-uri'] })).toBe('accepted');
  for (const added of [{ 'content-length': '2' }, { 'transfer-encoding': 'chunked' }])
    expect(verdictOn({ request, covered: ['@method', '@target-uri'], headers: added })).toBe(
      'signature.invalid',
    );
});

test("a proxy's signature beside the key's own is nothing to us, and a second one of the key's is refused", () => {
  const { headers } = signRequest();
  const beside = (keyid: string) => ({
    ...rfcRequest,
    headers: {
      ...headers,
      'signature-input': `proxy=("@method");keyid="${keyid}", ${String(headers['signature-input'])}`,
      signature: `proxy=:AAAA:, ${String(headers.signature)}`,
    },
  });
  expect(codeOf(() => verifyRequest(beside('proxy'), by, nowMs))).toBe('accepted');
  expect(codeOf(() => verifyRequest(beside('k1'), by, nowMs))).toBe('signature.invalid');
});

test("a public key is never taken for a shared secret, nor one key's signature for another's", () => {
  const request = signRequest();
  const x = exported.x ?? '';
  const base = signatureBase(rfcRequest, parseOne(String(request.headers['signature-input']))) ?? '';
  const forged = createHmac('sha256', Buffer.from(x, 'base64url')).update(base).digest('base64');
  const confused = { ...request, headers: { ...request.headers, signature: `sig=:${forged}:` } };
  expect(codeOf(() => verifyRequest(confused, by, nowMs))).toBe('signature.invalid');
  expect(codeOf(() => verifyRequest(request, { keyId: 'k1', signing: rfcEd25519 }, nowMs))).toBe(
    'signature.invalid',
  );
});
