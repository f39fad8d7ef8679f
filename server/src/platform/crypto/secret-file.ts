import {
  closeSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { Secret } from './secret.ts';

/** A secret file cannot be used; the message tells the operator why and what to do. */
export class SecretFileError extends Error {
  override readonly name = 'SecretFileError';
}

export interface SecretFile {
  readonly secret: Secret;
  /** True when this call made the file. */
  readonly created: boolean;
}

/** Reads a secret from a file that only its owner may read, or makes the file. */
export function readOrCreateSecretFile(path: string, create: () => string): SecretFile {
  const found = findSecretFile(path);
  if (found !== undefined) return { secret: found, created: false };
  const secret = new Secret(create());
  writeSecretFile(path, secret);
  return { secret, created: true };
}

export function findSecretFile(path: string): Secret | undefined {
  const text = readSecretFile(path);
  return text === undefined ? undefined : new Secret(text);
}

/** The file appears, or changes, whole or not at all. */
export function writeSecretFile(path: string, secret: Secret): void {
  writeWhole(path, `${secret.reveal()}\n`);
}

function readSecretFile(path: string): string | undefined {
  const file = openIfThere(path);
  if (file === undefined) return undefined;
  try {
    const mode = fstatSync(file).mode & 0o777;
    if ((mode & 0o077) !== 0) {
      throw new SecretFileError(
        `${path} may be read by others (mode ${mode.toString(8)}). Run: chmod 600 ${path}. If others use this machine, think of the secret as known.`,
      );
    }
    return readFileSync(file, 'utf8').trim();
  } finally {
    closeSync(file);
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The file appears whole or not at all, and stays after a power cut: nothing may be encrypted under a key that is lost. */
function writeWhole(path: string, text: string): void {
  const temporary = `${path}.new`;
  rmSync(temporary, { force: true });
  withFile(temporary, 'wx', (file) => {
    writeFileSync(file, text);
    fsyncSync(file);
  });
  renameSync(temporary, path);
  withFile(dirname(path), 'r', fsyncSync);
}

function withFile(path: string, flags: 'r' | 'wx', use: (file: number) => void): void {
  const file = openSync(path, flags, 0o600);
  try {
    use(file);
  } finally {
    closeSync(file);
  }
}
