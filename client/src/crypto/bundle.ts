/**
 * Bytes under a password, in one file that can be written and read as a stream.
 *
 * bundle = header line ‖ block ‖ block ‖ … ‖ last block
 *
 * The header is one line of JSON and says how the key was made: PBKDF2 with HMAC-SHA-256 over the password (NFKC, UTF-8),
 * the only password hash that WebCrypto has everywhere. Each block is AES-256-GCM over 64 KiB of plaintext, the last one
 * over what is left. Its nonce is its number and whether it is the last, its additional data is the header line. So a
 * block that is changed, moved, repeated or missing, at the end too, does not open, and neither does another header.
 */
import { fromBase64Url, toBase64Url } from '@alcove/contract/base64url';
import { type Bytes, inBlocks, peek } from '../bytes.ts';
import { AlcoveError } from '../errors.ts';
import { isRecord } from '../wire.ts';

const format = 'alcove-bundle';
const version = 1;
const kdf = 'PBKDF2-SHA-256';
const saltBytes = 16;
const tagBytes = 16;
const blockBytes = 64 * 1024;
const blockBytesMax = 1024 * 1024;
const headerBytesMax = 1024;
/** 16 bytes, base64url. */
const saltShape = /^[A-Za-z0-9_-]{22}$/;
const newLine = 0x0a;
/** What OWASP's Password Storage Cheat Sheet asks of PBKDF2-HMAC-SHA256. */
const iterationsMin = 600_000;
/** More would be a file that only wants to keep the reader busy. */
const iterationsMax = 10_000_000;
/** The password is all that guards a file that anyone may try at leisure. */
const passwordLengthMin = 12;
const utf8 = new TextEncoder();

/** Throws `invalid_argument` for a password that is too short. */
export function requirePassword(password: string): void {
  if ([...password.normalize('NFKC')].length >= passwordLengthMin) return;
  const message = `A bundle's password has at least ${passwordLengthMin} characters; better, several words.`;
  throw new AlcoveError('invalid_argument', message);
}

export async function* sealBundle(
  password: string,
  plaintext: AsyncIterable<Bytes>,
): AsyncGenerator<Bytes, void> {
  const salt = crypto.getRandomValues(new Uint8Array(saltBytes));
  const head = { format, version, kdf, iterations: iterationsMin, salt: toBase64Url(salt), blockBytes };
  const header = utf8.encode(`${JSON.stringify(head)}\n`);
  const key = await deriveKey(password, salt, iterationsMin);
  yield header;
  let number = 0;
  for await (const { bytes, isLast } of inBlocks(plaintext, blockBytes)) {
    yield new Uint8Array(await crypto.subtle.encrypt(gcm(header, number, isLast), key, bytes));
    number += 1;
  }
}

/** Throws `import.not_recognised`, `import.newer`, `import.wrong_password`, `import.damaged`. */
export async function* openBundle(
  password: string,
  bundle: AsyncGenerator<Bytes, void>,
): AsyncGenerator<Bytes, void> {
  const { header, rest } = await splitHeader(bundle);
  const head = readHeader(header);
  const key = await deriveKey(password, head.salt, head.iterations);
  let number = 0;
  for await (const { bytes, isLast } of inBlocks(rest, head.blockBytes + tagBytes)) {
    yield await openBlock(key, gcm(header, number, isLast), bytes, number);
    number += 1;
  }
}

async function openBlock(key: CryptoKey, parameters: AesGcmParams, block: Bytes, number: number) {
  try {
    return new Uint8Array(await crypto.subtle.decrypt(parameters, key, block));
  } catch {
    if (number === 0) {
      const message = 'The bundle does not open with this password, or its beginning is damaged.';
      throw new AlcoveError('import.wrong_password', message);
    }
    throw new AlcoveError('import.damaged', `The bundle is damaged or cut off, from block ${number} on.`);
  }
}

async function splitHeader(bundle: AsyncGenerator<Bytes, void>) {
  const { start, all } = await peek(bundle, headerBytesMax);
  const end = start.subarray(0, headerBytesMax).indexOf(newLine) + 1;
  if (end === 0) throw notRecognised();
  async function* rest(): AsyncGenerator<Bytes, void> {
    let isFirst = true;
    for await (const chunk of all) {
      yield isFirst ? chunk.subarray(end) : chunk;
      isFirst = false;
    }
  }
  return { header: start.slice(0, end), rest: rest() };
}

function readHeader(header: Bytes): { salt: Bytes; iterations: number; blockBytes: number } {
  const head = parse(header);
  if (!isRecord(head) || head.format !== format) throw notRecognised();
  if (head.version !== version || head.kdf !== kdf) {
    throw new AlcoveError(
      'import.newer',
      'The bundle was written by a newer Alcove SDK. Update this program.',
    );
  }
  const { salt, iterations, blockBytes } = head;
  const isSound =
    isWithin(iterations, iterationsMin, iterationsMax) &&
    isWithin(blockBytes, 1, blockBytesMax) &&
    typeof salt === 'string' &&
    saltShape.test(salt);
  if (!isSound) throw notRecognised();
  return { salt: fromBase64Url(salt), iterations, blockBytes };
}

function parse(header: Bytes): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(header));
  } catch {
    return undefined;
  }
}

function isWithin(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max;
}

async function deriveKey(password: string, salt: Bytes, iterations: number): Promise<CryptoKey> {
  const secret = utf8.encode(password.normalize('NFKC'));
  const material = await crypto.subtle.importKey('raw', secret, 'PBKDF2', false, ['deriveKey']);
  const pbkdf2 = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations };
  const aes = { name: 'AES-GCM', length: 256 };
  return crypto.subtle.deriveKey(pbkdf2, material, aes, false, ['encrypt', 'decrypt']);
}

function gcm(header: Bytes, number: number, isLast: boolean): AesGcmParams {
  const iv = new Uint8Array(12);
  const view = new DataView(iv.buffer);
  view.setUint8(0, isLast ? 1 : 0);
  view.setBigUint64(4, BigInt(number));
  return { name: 'AES-GCM', iv, additionalData: header };
}

function notRecognised(): AlcoveError {
  return new AlcoveError('import.not_recognised', 'This is no bundle that an Alcove SDK exported.');
}
