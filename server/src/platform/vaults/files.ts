/** Where a vault lies on the disk. Its name is random: nothing on the disk says whose it is. */
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
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
  makeFolder(dirname(file));
}

/**
 * Makes a folder and those above it. Node's `recursive` goes on for ever where a folder that is there takes no others, as
 * /proc does, and this thread with it.
 */
export function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Another thread may have been quicker.
    if (!existsSync(path)) throw error;
  }
}

/** Without this a power cut may take back the entry of a file whose content is already safe. */
export function syncFoldersOf(file: string): void {
  syncPath(dirname(file));
  syncPath(dirname(dirname(file)));
}

export function removeVaultFiles(file: string): void {
  if (!existsSync(dirname(file))) return;
  for (const path of [file, incomingFile(file), replacementFile(file)]) removeDatabase(path);
  syncPath(dirname(file));
}

/** Where a copy is prepared that is to take the vault's place. */
export const incomingFile = (file: string): string => `${file}.incoming`;

/** A copy that is whole and prepared. Once it has this name, it is the vault. */
const replacementFile = (file: string): string => `${file}.replacement`;

/** Decides that the prepared copy is the vault from now on; what is left to do, `takeReplacement` does. */
export function appointIncoming(file: string): void {
  syncPath(incomingFile(file));
  renameSync(incomingFile(file), replacementFile(file));
  syncPath(dirname(file));
}

/**
 * Puts a copy that was appointed in the vault's place; does nothing where there is none. The log of the file that goes
 * must be gone before: beside the new one it would be taken for its own. Cut off anywhere, doing it again ends it.
 */
export function takeReplacement(file: string): void {
  if (!existsSync(replacementFile(file))) return;
  for (const suffix of ['-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
  syncPath(dirname(file));
  renameSync(replacementFile(file), file);
  syncPath(dirname(file));
}

export function removeDatabase(file: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true });
}

/** Makes a folder's entries, or a file's content, survive a power cut. */
export function syncPath(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
