/**
 * The 24 words of a recovery key (BIP-39, English), and the keys that follow from them.
 *
 * The words say 256 bits of chance and a checksum. Each key is HKDF-SHA256(those bits, empty salt, its label): there is
 * nothing to guess, so nothing is stretched.
 */
import { toBase64Url } from '@alcove/contract/base64url';
import { deviceFingerprint, recoveryMemberId } from '@alcove/contract/keys';
import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { AlcoveError } from '../errors.ts';
import { concat } from './bytes.ts';
import { type DeviceKeys, exportPrivate, type KeyPair } from './keys.ts';

const wordCount = 24;
const entropyBytes = 32;
const utf8 = new TextEncoder();
const known: ReadonlySet<string> = new Set(wordlist);

/** PKCS #8 (RFC 8410) up to the 32 bytes of the private key; the last byte but four names the curve. */
const pkcs8 = (curve: number) =>
  Uint8Array.of(
    0x30,
    0x2e,
    0x02,
    0x01,
    0x00,
    0x30,
    0x05,
    0x06,
    0x03,
    0x2b,
    0x65,
    curve,
    0x04,
    0x22,
    0x04,
    0x20,
  );
const curves = { X25519: pkcs8(0x6e), Ed25519: pkcs8(0x70) } as const;

/** Who the words stand for. */
export interface RecoveryKeys {
  /** As a member of the device log. */
  readonly id: string;
  readonly keys: DeviceKeys;
  /** Proves to whoever has the words that they were given to this account by this log entry. */
  vouchFor(accountId: string, entryHash: string): Promise<string>;
}

/** Fresh words. Whoever has them has everything: they are shown once and kept nowhere. */
export function createRecoveryWords(): string {
  return entropyToMnemonic(crypto.getRandomValues(new Uint8Array(entropyBytes)), wordlist);
}

/** Reads the words, whatever stands between them. Throws `recovery.invalid_words`, naming those that are none. */
export async function readRecoveryWords(text: string): Promise<RecoveryKeys> {
  const seed = await crypto.subtle.importKey('raw', toEntropy(text), 'HKDF', false, [
    'deriveBits',
    'deriveKey',
  ]);
  const keys = {
    encryption: await derivePair(seed, 'X25519'),
    signing: await derivePair(seed, 'Ed25519'),
  };
  const { encryption, signing } = keys;
  const publicKeys = { encryptionKey: encryption.publicKey, signingKey: signing.publicKey };
  return {
    id: await recoveryMemberId(await deviceFingerprint(publicKeys)),
    keys,
    async vouchFor(accountId, entryHash) {
      const hmac = { name: 'HMAC', hash: 'SHA-256', length: 256 };
      const key = await crypto.subtle.deriveKey(hkdf('anchor'), seed, hmac, false, ['sign']);
      const mac = await crypto.subtle.sign('HMAC', key, utf8.encode(`${accountId}\n${entryHash}`));
      return toBase64Url(new Uint8Array(mac));
    },
  };
}

function toEntropy(text: string): Uint8Array<ArrayBuffer> {
  const words =
    text
      .normalize('NFKD')
      .toLowerCase()
      .match(/\p{L}+/gu) ?? [];
  if (words.length !== wordCount)
    throw invalid(`These are ${words.length} words; it takes all ${wordCount}.`);
  const strangers = words.flatMap((word, at) => (known.has(word) ? [] : [`number ${at + 1}, “${word}”`]));
  if (strangers.length > 0) {
    throw invalid(`Not a word of the list: ${strangers.join('; ')}. Look at the spelling once more.`);
  }
  try {
    return new Uint8Array(mnemonicToEntropy(words.join(' '), wordlist));
  } catch {
    throw invalid(
      'Every word is one of the list, but together they are not right: one is another than was written down, or two have changed places.',
    );
  }
}

async function derivePair(seed: CryptoKey, curve: keyof typeof curves): Promise<KeyPair> {
  const bits = await crypto.subtle.deriveBits(hkdf(curve), seed, 8 * entropyBytes);
  return exportPrivate(concat([curves[curve], new Uint8Array(bits)]), curve);
}

function hkdf(purpose: string): HkdfParams {
  const info = utf8.encode(`alcove-recovery-v1\n${purpose}`);
  return { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info };
}

function invalid(message: string): AlcoveError {
  return new AlcoveError('recovery.invalid_words', message);
}
