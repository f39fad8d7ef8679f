import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
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

/**
 * For a service whose control database is embedded. Making a new one beside what belonged to the old would greet
 * everybody as a stranger and leave their vaults without owners.
 */
export function refuseLostControl(folder: string): void {
  // A first start that was cut short has this file before it writes anything else.
  if (existsSync(join(folder, 'control', 'PG_VERSION'))) return;
  const left = holdsVaults(join(folder, 'vaults'))
    ? 'vaults'
    : existsSync(join(folder, 'master.key')) && 'a master key';
  if (left === false) return;
  throw new DataFolderError(
    `${folder} holds ${left}, but the control database ${join(folder, 'control')} is missing. Restore it from a backup, ` +
      'or set DATABASE_URL if it is on PostgreSQL. To start anew on purpose, move the folder away first.',
  );
}

function holdsVaults(folder: string): boolean {
  if (!existsSync(folder)) return false;
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).some((name) => name.endsWith('.db'));
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
