import { createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type KeyWrapper, KeyWrapperError } from './key-wrapper.ts';
import { Secret } from './secret.ts';
import { findSecretFile, SecretFileError, writeSecretFile } from './secret-file.ts';

/** The key at the root of everything encrypted at rest. It encrypts nothing itself: each use derives its own key. */
export interface MasterKey {
  /** Names the key without telling it: stands in front of what it encrypted. */
  readonly id: Buffer;
  /** A key of 32 bytes for one purpose (HKDF-SHA-256, RFC 5869). Other purposes cannot be computed from it. */
  derive(purpose: string): KeyObject;
}

/** The first one encrypts. The others only open what was encrypted under them, until that is wrapped again. */
export type MasterKeys = readonly [MasterKey, ...MasterKey[]];

export const keyIdBytes = 8;

export interface MasterKeySource {
  /** From the settings; it wins over the file. Several keys are separated by commas. */
  readonly setting: Secret | undefined;
  readonly dataDir: string;
  /** Wraps new keys and opens wrapped ones; without it, keys lie in the clear. */
  readonly wrapper?: KeyWrapper | undefined;
}

/** `dataExists`: data exists that an earlier master key encrypted, so a missing file is a loss and not a first start. */
export async function loadMasterKeys(source: MasterKeySource, dataExists: boolean): Promise<MasterKeys> {
  const found = readMasterKeyTexts(source);
  if (found !== undefined) return openMasterKeys(found, source.wrapper);
  const path = masterKeyPath(source.dataDir);
  if (dataExists) {
    throw new SecretFileError(
      `${path} is missing, and what it encrypted is still here. Restore it from a backup.`,
    );
  }
  const text = await createMasterKeyText(source.wrapper);
  writeSecretFile(path, text);
  return openMasterKeys([text], source.wrapper);
}

/** The keys as they are kept, the first one first; undefined when there are none yet. */
export function readMasterKeyTexts({ setting, dataDir }: MasterKeySource): readonly Secret[] | undefined {
  const whole = setting ?? findSecretFile(masterKeyPath(dataDir));
  return whole
    ?.reveal()
    .split(setting === undefined ? '\n' : ',')
    .map((text) => new Secret(text.trim()));
}

export function writeMasterKeyTexts(dataDir: string, texts: readonly Secret[]): void {
  const lines = texts.map((text) => text.reveal()).join('\n');
  writeSecretFile(masterKeyPath(dataDir), new Secret(lines));
}

/** A new key as it is kept: wrapped, when there is something to wrap it. */
export async function createMasterKeyText(wrapper: KeyWrapper | undefined): Promise<Secret> {
  const key = randomBytes(32);
  if (wrapper === undefined) return new Secret(key.toString('base64url'));
  const wrapped = await wrapper.wrap(key, context);
  key.fill(0);
  return new Secret(`${wrapper.scheme}:${wrapped.toString('base64url')}`);
}

export async function openMasterKeys(
  texts: readonly Secret[],
  wrapper: KeyWrapper | undefined,
): Promise<MasterKeys> {
  const [first, ...others] = await Promise.all(texts.map((text) => openMasterKey(text, wrapper)));
  if (first === undefined) throw new SecretFileError('There is no master key.');
  return [first, ...others];
}

/** Whether a key, as it is kept, tells nothing to who reads it. */
export const isWrapped = (text: Secret): boolean => text.reveal().includes(':');

export const masterKeyPath = (dataDir: string): string => join(dataDir, 'master.key');

/** A master key from its text: 32 bytes in base64url. */
export function createMasterKey(text: Secret): MasterKey {
  const bytes = Buffer.from(text.reveal(), 'base64url');
  return masterKeyFrom(bytes);
}

/** Keeps a wrapped master key from being taken for something else that the same key of the service wrapped. */
const context = { service: 'alcove', purpose: 'master-key' };

async function openMasterKey(text: Secret, wrapper: KeyWrapper | undefined): Promise<MasterKey> {
  const [, scheme, wrapped = ''] = /^([a-z-]+):([A-Za-z0-9_-]+)$/.exec(text.reveal()) ?? [];
  if (scheme === undefined) return createMasterKey(requirePlain(text));
  if (wrapper?.scheme !== scheme) {
    throw new KeyWrapperError(`The master key is wrapped by ${scheme}, and that is not set up here.`);
  }
  return masterKeyFrom(await wrapper.unwrap(Buffer.from(wrapped, 'base64url'), context));
}

function requirePlain(text: Secret): Secret {
  if (/^[A-Za-z0-9_-]{43}$/.test(text.reveal())) return text;
  throw new SecretFileError(
    'A master key is 32 bytes in base64url, and what is kept as one is not. Restore master.key from a backup.',
  );
}

function masterKeyFrom(bytes: Buffer): MasterKey {
  if (bytes.length !== 32) throw new RangeError(`a master key has 32 bytes, not ${bytes.length}`);
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return {
    id: expand(key, 'alcove key id', keyIdBytes),
    derive: (purpose) => createSecretKey(expand(key, `alcove key for ${purpose}`, 32)),
  };
}

function expand(key: KeyObject, info: string, sizeBytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', key, '', info, sizeBytes));
}
