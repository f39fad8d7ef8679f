import { chmodSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { DataFolderError } from './errors.ts';
import { lockFileName } from './lock.ts';

const ownerOnly = 0o700;

/** Makes sure that the folder exists and that only its owner can look inside. */
export function prepareDataFolder(folder: string): void {
  createFolder(folder);
  if ((statSync(folder).mode & 0o077) === 0) return;
  // Closing a folder that is not ours alone, such as /tmp or a home, would lock other people out of their own files.
  if (holdsForeignFiles(folder)) {
    throw new DataFolderError(
      `${folder} holds other files and other users may look inside. Give ALCOVE_DATA_DIR a folder of its own.`,
    );
  }
  chmodSync(folder, ownerOnly);
}

function createFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: ownerOnly });
  } catch (cause) {
    throw new DataFolderError(
      `The data folder ${folder} cannot be made. Point ALCOVE_DATA_DIR to a place where this user may write.`,
      { cause },
    );
  }
}

function holdsForeignFiles(folder: string): boolean {
  const names = readdirSync(folder).filter((name) => name !== 'lost+found');
  return names.length > 0 && !names.includes(lockFileName);
}
