import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../clock/index.ts';
import { DataFolderError } from './errors.ts';

export const lockFileName = 'alcove.lock';
/** A second lock, among the data: removing the first, in the belief that it was left behind, must not let two in. */
const innerFolder = 'vaults';
/** A file beside the lock: opening and closing the locked file itself would drop this process's lock on it. */
const holderFileName = 'alcove.lock.json';

/** The data folder as this process's own, until disposed. */
export interface DataFolderLock extends AsyncDisposable {
  /** Writes down where the process can be reached. */
  announce(address: string): void;
}

/**
 * Takes the data folder for this process alone, until disposed. A second embedded database on the same folder
 * would corrupt it without a word.
 *
 * The lock is SQLite's own file lock, which the operating system drops with the process however it ends: nothing
 * is left behind that an operator has to remove after a crash.
 */
export function lockDataFolder(folder: string, clock: Clock): DataFolderLock {
  using taken = new DisposableStack();
  for (const file of [join(folder, lockFileName), join(folder, innerFolder, lockFileName)]) {
    try {
      taken.use(lockFile(file));
    } catch (cause) {
      throw new DataFolderError(explain(cause, folder, file), { cause });
    }
  }
  const holder = { pid: process.pid, startedAt: new Date(clock.now()).toISOString() };
  writeHolder(folder, holder);
  const locks = taken.move();
  return {
    announce: (address) => writeHolder(folder, { ...holder, address }),
    [Symbol.asyncDispose]: async () => locks.dispose(),
  };
}

/** Where the process can be reached that holds the folder, or held it last; undefined when it did not say. */
export function findHolderAddress(folder: string): string | undefined {
  try {
    const { address } = readHolder(folder);
    return typeof address === 'string' ? address : undefined;
  } catch {
    return undefined;
  }
}

function lockFile(file: string): Disposable {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  using opened = new DisposableStack();
  const database = opened.adopt(new DatabaseSync(file, { timeout: 0 }), (it) => it.close());
  database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  return opened.move();
}

/** Primary result codes, https://www.sqlite.org/rescode.html. */
const busy = 5;
const notDatabase = 26;

function explain(cause: unknown, folder: string, file: string): string {
  const code = cause instanceof Error && 'errcode' in cause ? Number(cause.errcode) & 0xff : undefined;
  if (code === busy)
    return `${describeHolder(folder)} already uses ${folder}. Stop it, or point ALCOVE_DATA_DIR elsewhere.`;
  if (code === notDatabase)
    return `${file} is damaged. It holds no data: make sure that no Alcove uses ${folder}, remove the file, and start again.`;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return `${file} cannot be written (${reason}). Give ALCOVE_DATA_DIR a folder that belongs to this user and takes writes.`;
}

interface Holder {
  readonly pid: number;
  readonly startedAt: string;
  readonly address?: string;
}

function writeHolder(folder: string, holder: Holder): void {
  writeFileSync(join(folder, holderFileName), `${JSON.stringify(holder)}\n`, { mode: 0o600 });
}

const readHolder = (folder: string): Partial<Record<keyof Holder, unknown>> =>
  JSON.parse(readFileSync(join(folder, holderFileName), 'utf8'));

/** Only for the message: the holder's file may be missing, or half-written at this very moment. */
function describeHolder(folder: string): string {
  try {
    const { pid, startedAt } = readHolder(folder);
    return `Another Alcove (process ${Number(pid)}, started ${String(startedAt)})`;
  } catch {
    return 'Another Alcove';
  }
}
