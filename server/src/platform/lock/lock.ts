import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../clock/index.ts';
import { DataFolderError } from './errors.ts';

export const lockFileName = 'alcove.lock';
/** A file beside the lock: opening and closing the locked file itself would drop this process's lock on it. */
const holderFileName = 'alcove.lock.json';

/**
 * Takes the data folder for this process alone, until disposed. A second embedded database on the same folder
 * would corrupt it without a word.
 *
 * The lock is SQLite's own file lock, which the operating system drops with the process however it ends: nothing
 * is left behind that an operator has to remove after a crash.
 */
export function lockDataFolder(folder: string, clock: Clock): AsyncDisposable {
  const database = new DatabaseSync(join(folder, lockFileName), { timeout: 0 });
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (cause) {
    database.close();
    throw new DataFolderError(
      `${describeHolder(folder)} already uses ${folder}. Stop it, or point ALCOVE_DATA_DIR elsewhere.`,
      { cause },
    );
  }
  writeHolder(folder, clock);
  return { [Symbol.asyncDispose]: async () => database.close() };
}

function writeHolder(folder: string, clock: Clock): void {
  const holder = { pid: process.pid, startedAt: new Date(clock.now()).toISOString() };
  writeFileSync(join(folder, holderFileName), `${JSON.stringify(holder)}\n`, { mode: 0o600 });
}

/** Only for the message: the holder's file may be missing, or half-written at this very moment. */
function describeHolder(folder: string): string {
  try {
    const { pid, startedAt } = JSON.parse(readFileSync(join(folder, holderFileName), 'utf8'));
    return `Another Alcove (process ${Number(pid)}, started ${String(startedAt)})`;
  } catch {
    return 'Another Alcove';
  }
}
