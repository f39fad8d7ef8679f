/** Decides whether a public key that a device sends may be used, and names the member that is wrong when it may not. */
import { createPublicKey, diffieHellman, generateKeyPairSync, type JsonWebKey } from 'node:crypto';
import { lineOfTextPattern } from '@alcove/contract/common';
import type { DeviceInput, PublicJwk } from '@alcove/contract/identity';
import { isEd25519Point } from './ed25519-point.ts';
import { invalidKey } from './errors.ts';

type KeyPairs = Pick<DeviceInput, 'encryptionKey' | 'signingKey'>;
type Use = 'encryption' | 'signing';
interface Finding {
  readonly member: string;
  readonly detail: string;
}

/** An RSA modulus of 8192 bits fits twice. */
const keyTextLengthMax = 4096;
const descriptionLengthMax = 256;
/** Whoever sends thousands of wrong members is not told of each. */
const unknownMembersMax = 10;
const memberLengthMax = 100;
const operationsMax = 10;
/** NIST SP 800-89, section 5.3.3: a modulus must have no factor below 752. */
const primesBelow752 = Array.from({ length: 750 }, (_, at) => at + 2).filter(isPrime);
const lineOfText = new RegExp(lineOfTextPattern, 'u');
const rsaBitsMin = 2048;
const rsaBitsMax = 8192;
const rsaExponentMin = 65_537n;
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
const descriptiveMembers = ['alg', 'use', 'key_ops', 'kid', 'ext'];
const keyMembers: Readonly<Record<string, readonly string[]>> = {
  OKP: ['crv', 'x'],
  EC: ['crv', 'x', 'y'],
  RSA: ['n', 'e'],
};
/** The algorithms (RFC 7518, RFC 8037, RFC 9864) and operations (RFC 7517, section 4.3) that fit a key and its use. */
const algorithms: Readonly<Record<Use, Readonly<Record<string, RegExp>>>> = {
  encryption: { OKP: /^(ECDH-ES|X25519|HPKE-)/, EC: /^(ECDH-ES|HPKE-)/, RSA: /^RSA(-OAEP(-\d+)?|1_5)$/ },
  signing: { OKP: /^(EdDSA|Ed25519)$/, EC: /^ES256$/ },
};
const operations: Readonly<Record<Use, readonly string[]>> = {
  encryption: ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey', 'deriveKey', 'deriveBits'],
  signing: ['sign', 'verify'],
};
const accepted: Readonly<Record<Use, string>> = {
  encryption: 'OKP X25519, EC P-256 or RSA',
  signing: 'OKP Ed25519 or EC P-256',
};

/** Throws `device.invalid_key` with one entry for every member that is wrong; `parent` is where the keys stand in the request. */
export function requireUsableKeys(keys: KeyPairs, parent: string): void {
  const errors = [
    ...findingsOf(keys.encryptionKey, 'encryption').map(at(`${parent}/encryptionKey`)),
    ...findingsOf(keys.signingKey, 'signing').map(at(`${parent}/signingKey`)),
    ...sharedKeyFindings(keys, parent),
  ];
  const first = errors[0];
  if (first !== undefined)
    throw invalidKey({ detail: `${first.pointer} ${first.detail}.`, extensions: { errors } });
}

/** The same for a single key that signs; `pointer` is where it stands in the request. */
export function requireSigningKey(jwk: PublicJwk, pointer: string): void {
  const errors = findingsOf(jwk, 'signing').map(at(pointer));
  const first = errors[0];
  if (first !== undefined)
    throw invalidKey({ detail: `${first.pointer} ${first.detail}.`, extensions: { errors } });
}

const at = (parent: string) => (finding: Finding) => ({
  pointer: `${parent}/${finding.member}`,
  detail: finding.detail,
});

function sharedKeyFindings({ encryptionKey, signingKey }: KeyPairs, parent: string) {
  const [mine, other] = [memberOf(encryptionKey, 'x'), memberOf(signingKey, 'x')];
  if (mine === undefined || mine !== other) return [];
  return [{ pointer: `${parent}/signingKey/x`, detail: 'must not be the encryption key again' }];
}

function findingsOf(jwk: PublicJwk, use: Use): Finding[] {
  const members = membersOf(jwk);
  if (members === undefined || (use === 'signing' && jwk.kty === 'RSA')) {
    return [{ member: 'kty', detail: `is ${shown(jwk.kty)}; a key for ${use} is ${accepted[use]}` }];
  }
  const shape = [
    ...unknownMembers(jwk, members),
    ...members.flatMap((member) => textFindings(jwk, member)),
    ...descriptionShapeFindings(jwk),
  ];
  return shape.length > 0 ? shape : [...descriptionFindings(jwk, use), ...valueFindings(jwk, use)];
}

function unknownMembers(jwk: PublicJwk, members: readonly string[]): Finding[] {
  const known = new Set(['kty', ...members, ...descriptiveMembers]);
  return Object.keys(jwk)
    .filter((member) => !known.has(member))
    .slice(0, unknownMembersMax)
    .map((member) => member.slice(0, memberLengthMax))
    .map((member) =>
      privateMembers.includes(member)
        ? { member, detail: 'is a private member; private keys never leave their device' }
        : { member, detail: 'is not a known member' },
    );
}

function textFindings(jwk: PublicJwk, member: string): Finding[] {
  const value = memberOf(jwk, member);
  if (value === undefined) return [{ member, detail: 'must be a text' }];
  if (value.length > keyTextLengthMax)
    return [{ member, detail: `has ${value.length} characters; at most ${keyTextLengthMax} are accepted` }];
  if (member === 'crv') return [];
  const canonical = value !== '' && Buffer.from(value, 'base64url').toString('base64url') === value;
  return canonical ? [] : [{ member, detail: 'must be base64url without padding' }];
}

/** What a key says of itself is kept and handed to other devices, so it is bounded and of one kind. */
function descriptionShapeFindings(jwk: PublicJwk): Finding[] {
  const text = `must be a text of at most ${descriptionLengthMax} characters, none of them a control character`;
  const findings = ['alg', 'use', 'kid']
    .filter((member) => !isShortText(valueAt(jwk, member, '')))
    .map((member) => ({ member, detail: text }));
  if (!isListOfShortTexts(valueAt(jwk, 'key_ops', []))) {
    findings.push({ member: 'key_ops', detail: `must be a list of at most ${operationsMax} short texts` });
  }
  if (typeof valueAt(jwk, 'ext', true) !== 'boolean')
    findings.push({ member: 'ext', detail: 'must be true or false' });
  return findings;
}

const isShortText = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= descriptionLengthMax && lineOfText.test(value);

const isListOfShortTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length <= operationsMax && value.every(isShortText);

/** What a key says of its own use must not contradict the use it is sent for. */
function descriptionFindings(jwk: PublicJwk, use: Use): Finding[] {
  const findings: Finding[] = [];
  const expected = use === 'encryption' ? 'enc' : 'sig';
  const stated = memberOf(jwk, 'use') ?? expected;
  if (stated !== expected)
    findings.push({ member: 'use', detail: `is ${shown(stated)}; expected ${expected}` });
  const alg = memberOf(jwk, 'alg');
  if (alg !== undefined && !algorithms[use][jwk.kty]?.test(alg))
    findings.push({ member: 'alg', detail: `is ${shown(alg)}, which is not for ${use} with this key` });
  const foreign = operationsOf(jwk).find((operation) => !operations[use].includes(operation));
  if (foreign !== undefined)
    findings.push({ member: 'key_ops', detail: `holds ${shown(foreign)}, which is not for ${use}` });
  return findings;
}

function operationsOf(jwk: PublicJwk): readonly string[] {
  const stated = valueAt(jwk, 'key_ops', []);
  return isListOfShortTexts(stated) ? stated : [];
}

function valueFindings(jwk: PublicJwk, use: Use): Finding[] {
  if (jwk.kty === 'RSA') return rsaFindings(jwk);
  const curve = memberOf(jwk, 'crv');
  if (jwk.kty === 'EC') {
    return curve === 'P-256'
      ? p256Findings(jwk)
      : [{ member: 'crv', detail: `is ${shown(curve)}; expected P-256` }];
  }
  const expected = use === 'encryption' ? 'X25519' : 'Ed25519';
  if (curve !== expected)
    return [{ member: 'crv', detail: `is ${shown(curve)}; a key for ${use} has ${expected}` }];
  const length = lengthFindings(jwk, 'x', 32);
  if (length.length > 0) return length;
  return use === 'encryption' ? x25519Findings(jwk) : ed25519Findings(jwk);
}

function lengthFindings(jwk: PublicJwk, member: string, bytes: number): Finding[] {
  const actual = bytesOf(jwk, member).length;
  return actual === bytes ? [] : [{ member, detail: `has ${actual} bytes; expected ${bytes}` }];
}

function p256Findings(jwk: PublicJwk): Finding[] {
  const lengths = [...lengthFindings(jwk, 'x', 32), ...lengthFindings(jwk, 'y', 32)];
  if (lengths.length > 0) return lengths;
  return importable(jwk) ? [] : [{ member: 'x', detail: 'and y are not a point of the curve P-256' }];
}

/** With a point of small order every shared secret is the same, known one; deriving one shows it. */
function x25519Findings(jwk: PublicJwk): Finding[] {
  const weak = [{ member: 'x', detail: 'is a point of small order' }];
  try {
    const publicKey = createPublicKey({ key: plain(jwk), format: 'jwk' });
    const shared = diffieHellman({ privateKey: generateKeyPairSync('x25519').privateKey, publicKey });
    return shared.every((byte) => byte === 0) ? weak : [];
  } catch {
    return weak;
  }
}

function ed25519Findings(jwk: PublicJwk): Finding[] {
  return isEd25519Point(bytesOf(jwk, 'x'))
    ? []
    : [{ member: 'x', detail: 'is not a usable point of the curve Ed25519' }];
}

function rsaFindings(jwk: PublicJwk): Finding[] {
  const modulus = integerOf(jwk, 'n');
  const exponent = integerOf(jwk, 'e');
  const bits = modulus.toString(2).length;
  const findings: Finding[] = [];
  if (bits < rsaBitsMin || bits > rsaBitsMax) {
    findings.push({ member: 'n', detail: `has ${bits} bits; expected ${rsaBitsMin} to ${rsaBitsMax}` });
  } else {
    const factor = primesBelow752.find((prime) => modulus % BigInt(prime) === 0n);
    if (factor !== undefined) findings.push({ member: 'n', detail: `is divisible by ${factor}` });
  }
  if (exponent < rsaExponentMin || exponent % 2n === 0n || exponent >= 2n ** 64n) {
    findings.push({ member: 'e', detail: `must be odd and at least ${rsaExponentMin}` });
  }
  return findings;
}

function importable(jwk: PublicJwk): boolean {
  try {
    createPublicKey({ key: plain(jwk), format: 'jwk' });
    return true;
  } catch {
    return false;
  }
}

/** The members that make the key, without what it says about itself. */
function plain(jwk: PublicJwk): JsonWebKey {
  const members = ['kty', ...(membersOf(jwk) ?? [])];
  return Object.fromEntries(members.map((member) => [member, memberOf(jwk, member)]));
}

function isPrime(number: number): boolean {
  for (let factor = 2; factor * factor <= number; factor += 1) if (number % factor === 0) return false;
  return true;
}

const membersOf = ({ kty }: PublicJwk) => (Object.hasOwn(keyMembers, kty) ? keyMembers[kty] : undefined);
const valueAt = (jwk: PublicJwk, member: string, absent: unknown): unknown => {
  const entry = Object.entries(jwk).find(([name]) => name === member);
  return entry === undefined ? absent : entry[1];
};
const memberOf = (jwk: PublicJwk, member: string): string | undefined => {
  const value = valueAt(jwk, member, undefined);
  return typeof value === 'string' ? value : undefined;
};
const bytesOf = (jwk: PublicJwk, member: string) => Buffer.from(memberOf(jwk, member) ?? '', 'base64url');
const integerOf = (jwk: PublicJwk, member: string) => BigInt(`0x0${bytesOf(jwk, member).toString('hex')}`);
const shown = (value: string | undefined) => JSON.stringify(value?.slice(0, 40) ?? null);
