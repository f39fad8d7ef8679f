/**
 * Locks between processes that share a SQLite store. Each is a file beside it whose write lock is held: the operating
 * system lets go of it when its holder dies, which nothing that is only written down could promise.
 */

import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { aborted } from '../backoff.ts';
import { AlcoveError } from '../errors.ts';
import type { WithLock } from '../locks.ts';
import { createMutex, type Mutex } from '../mutex.ts';
import { makePrivateFile } from './private-file.ts';
import { isBusy, sqliteToAlcoveError } from './sqlite-errors.ts';

const pollMsMax = 20;

export interface LockFiles {
  readonly withLock: WithLock;
  close(): void;
}

export function createLockFiles(file: string): LockFiles {
  const locks = new Map<string, LockFile>();
  let isClosed = false;
  const find = (name: string): LockFile => {
    if (isClosed) throw new AlcoveError('storage.closed', `${file} was closed.`);
    const known = locks.get(name) ?? openLockFile(`${file}.${name}-lock`);
    locks.set(name, known);
    return known;
  };
  return {
    withLock: async (name, work, signal) => withFileLock(find(name), work, signal),
    close() {
      isClosed = true;
      for (const { database } of locks.values()) database.close();
      locks.clear();
    },
  };
}

interface LockFile {
  readonly database: DatabaseSync;
  /** The callers of this handle; one connection can hold the lock only once. */
  readonly mutex: Mutex;
}

function openLockFile(path: string): LockFile {
  try {
    makePrivateFile(path);
    return { database: new DatabaseSync(path, { timeout: 0 }), mutex: createMutex() };
  } catch (error) {
    throw sqliteToAlcoveError(path, error);
  }
}

function withFileLock<T>(
  { database, mutex }: LockFile,
  work: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  return mutex(async () => {
    while (!tryToBegin(database, signal)) {
      await sleep(Math.random() * pollMsMax);
    }
    try {
      return await work();
    } finally {
      if (database.isOpen) database.exec('ROLLBACK');
    }
  });
}

function tryToBegin(database: DatabaseSync, signal: AbortSignal): boolean {
  if (signal.aborted) throw aborted(signal.reason);
  try {
    database.exec('BEGIN IMMEDIATE');
    return true;
  } catch (error) {
    if (isBusy(error)) return false;
    throw sqliteToAlcoveError(database.location() ?? 'a lock', error);
  }
}
