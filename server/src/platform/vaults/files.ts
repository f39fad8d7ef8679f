/** Where a vault lies on the disk. Its name is random: nothing on the disk says whose it is. */
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

const nameShape = /^[0-9a-f]{32}$/;

/** A new name: 128 random bits, so that it cannot be guessed and cannot meet another. */
export const createVaultName = (): string => randomBytes(16).toString('hex');

export function isVaultName(name: string): boolean {
  return nameShape.test(name);
}

/** Two hex digits make 256 folders, so that no folder grows to a size that file systems dislike. */
export function vaultFile(directory: string, name: string): string {
  if (!isVaultName(name)) throw new TypeError('a vault name is 32 lower-case hex digits');
  return join(directory, name.slice(0, 2), `${name}.db`);
}

/** Tells one file from another at the same path; `undefined` where there is none. */
export function findFileId(path: string): string | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
}

export function prepareFolderOf(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
}

/** Without this a power cut may take back the entry of a file whose content is already safe. */
export function syncFoldersOf(file: string): void {
  syncFolder(dirname(file));
  syncFolder(dirname(dirname(file)));
}

export function removeVaultFiles(file: string): void {
  if (!existsSync(dirname(file))) return;
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
  syncFolder(dirname(file));
}

function syncFolder(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
