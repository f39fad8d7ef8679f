import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { Failure } from '../../platform/errors/index.ts';
import { isEd25519Point } from './ed25519-point.ts';
import { requireUsableKeys } from './public-keys.ts';

type Jwk = Record<string, unknown> & { kty: string };
const jwkOf = (pair: { publicKey: { export(options: { format: 'jwk' }): unknown } }) =>
  pair.publicKey.export({ format: 'jwk' }) as Jwk;

const x25519 = jwkOf(generateKeyPairSync('x25519'));
const ed25519 = jwkOf(generateKeyPairSync('ed25519'));
const p256 = jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
const otherP256 = jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
const p384 = jwkOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }));
const rsa = (bits: number, publicExponent = 65_537) =>
  jwkOf(generateKeyPairSync('rsa', { modulusLength: bits, publicExponent }));
const bytes = (hex: string) => Buffer.from(hex, 'hex').toString('base64url');
/** What JSON.stringify cannot write without running out of stack. */
const deep = Array.from({ length: 50_000 }).reduce<unknown[]>((inner) => [inner], []);
const wrongPoint = Buffer.alloc(32, 7).toString('base64url');

const webCryptoEd25519 = { ...ed25519, alg: 'Ed25519', key_ops: ['verify'], ext: true };

function errorsOf(encryptionKey: Jwk, signingKey: Jwk): unknown {
  try {
    requireUsableKeys({ encryptionKey, signingKey }, '/device');
    return [];
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return error.extensions.errors;
  }
}

test.each([
  ['X25519 and Ed25519', x25519, ed25519],
  ['P-256 and P-256', p256, otherP256],
  ['RSA 2048 and Ed25519', rsa(2048), ed25519],
  ['what WebCrypto exports for X25519 and Ed25519', { ...x25519, key_ops: [], ext: true }, webCryptoEd25519],
  [
    'what WebCrypto exports for RSA-OAEP',
    { ...rsa(2048), alg: 'RSA-OAEP-256', key_ops: ['encrypt'] },
    ed25519,
  ],
  ['a key that describes itself', { ...x25519, use: 'enc', kid: 'mine', alg: 'ECDH-ES' }, ed25519],
])('%s are accepted', (_name, encryptionKey, signingKey) => {
  expect(errorsOf(encryptionKey, signingKey)).toEqual([]);
});

test.each<[string, Jwk, Jwk, string, RegExp]>([
  ['an unknown kind of key', { kty: 'oct', k: 'AAAA' }, ed25519, '/device/encryptionKey/kty', /X25519/],
  ['RSA for signing', x25519, rsa(2048), '/device/signingKey/kty', /Ed25519/],
  ['a private key', { ...x25519, d: 'AAAA' }, ed25519, '/device/encryptionKey/d', /private/],
  ['an unknown member', { ...x25519, foo: 1 }, ed25519, '/device/encryptionKey/foo', /not a known/],
  ['a missing member', { kty: 'OKP', crv: 'X25519' }, ed25519, '/device/encryptionKey/x', /must be a text/],
  ['a number for a text', { ...x25519, x: 5 }, ed25519, '/device/encryptionKey/x', /must be a text/],
  ['padding', { ...x25519, x: `${x25519.x}=` }, ed25519, '/device/encryptionKey/x', /base64url/],
  ['a short key', { ...x25519, x: 'AAAA' }, ed25519, '/device/encryptionKey/x', /3 bytes; expected 32/],
  ['the wrong curve for its use', ed25519, x25519, '/device/encryptionKey/crv', /Ed25519.*X25519/],
  ['a curve that is not taken', p384, ed25519, '/device/encryptionKey/crv', /P-384.*P-256/],
  ['a point off its curve', { ...p256, y: wrongPoint }, ed25519, '/device/encryptionKey/x', /not a point/],
  [
    'X25519 of small order',
    { ...x25519, x: bytes('00'.repeat(32)) },
    ed25519,
    '/device/encryptionKey/x',
    /small order/,
  ],
  [
    'Ed25519 of small order',
    x25519,
    { ...ed25519, x: bytes(`01${'00'.repeat(31)}`) },
    '/device/signingKey/x',
    /usable/,
  ],
  ['a short modulus', rsa(1024), ed25519, '/device/encryptionKey/n', /1024 bits/],
  ['a weak exponent', rsa(2048, 3), ed25519, '/device/encryptionKey/e', /65537/],
  ['a key meant for another use', { ...x25519, use: 'sig' }, ed25519, '/device/encryptionKey/use', /enc/],
  [
    'a key with a novel in it',
    { ...x25519, kid: 'x'.repeat(5000) },
    ed25519,
    '/device/encryptionKey/kid',
    /256/,
  ],
  [
    'a modulus of a megabyte',
    { ...rsa(2048), n: 'A'.repeat(1_000_000) },
    ed25519,
    '/device/encryptionKey/n',
    /4096/,
  ],
  [
    'a modulus of ones',
    { ...rsa(2048), n: bytes('ff'.repeat(256)) },
    ed25519,
    '/device/encryptionKey/n',
    /by 3$/,
  ],
  ...['toString', 'constructor', '__proto__', 'hasOwnProperty'].map(
    (kty): [string, Jwk, Jwk, string, RegExp] => [
      `a kind named ${kty}`,
      { ...x25519, kty },
      ed25519,
      '/device/encryptionKey/kty',
      /X25519/,
    ],
  ),
  ...[deep, 5, null, {}, 'a\u0000b', 'a\nb', '\ud800', 'x\u202ey'].flatMap((value) =>
    ['kid', 'alg', 'use'].map((member): [string, Jwk, Jwk, string, RegExp] => [
      `${value === deep ? 'a nest' : JSON.stringify(value)} as ${member}`,
      { ...x25519, [member]: value },
      ed25519,
      `/device/encryptionKey/${member}`,
      /must be a text/,
    ]),
  ),
  ['a text as key_ops', { ...x25519, key_ops: 'x' }, ed25519, '/device/encryptionKey/key_ops', /list/],
  ['a nest as key_ops', { ...x25519, key_ops: [deep] }, ed25519, '/device/encryptionKey/key_ops', /list/],
  ['a number as ext', { ...x25519, ext: 1 }, ed25519, '/device/encryptionKey/ext', /true or false/],
  ['HS256', { ...p256, alg: 'HS256' }, ed25519, '/device/encryptionKey/alg', /HS256.*encryption/],
  ['ES256 on Ed25519', x25519, { ...ed25519, alg: 'ES256' }, '/device/signingKey/alg', /ES256.*signing/],
  [
    'an encryption key that signs',
    { ...x25519, key_ops: ['sign'] },
    ed25519,
    '/device/encryptionKey/key_ops',
    /sign/,
  ],
  ['one key for both uses', p256, p256, '/device/signingKey/x', /again/],
])('%s is refused, naming the member and the reason', (_name, encryptionKey, signingKey, pointer, detail) => {
  expect(errorsOf(encryptionKey, signingKey)).toContainEqual({
    pointer,
    detail: expect.stringMatching(detail),
  });
});

test('every generated Ed25519 key is a point, and bytes that are none are not', () => {
  for (let i = 0; i < 50; i += 1) {
    const { x } = jwkOf(generateKeyPairSync('ed25519'));
    expect(isEd25519Point(Buffer.from(String(x), 'base64url'))).toBe(true);
  }
  expect(isEd25519Point(Buffer.alloc(32, 0xff))).toBe(false);
});

test('a key with thousands of unknown members is not answered at length', () => {
  const members = Array.from({ length: 10_000 }, (_, at) => [`${at}${'x'.repeat(1000)}`, 1]);
  const errors = JSON.stringify(errorsOf({ ...x25519, ...Object.fromEntries(members) }, ed25519));
  expect(errors.length).toBeLessThan(5000);
});
