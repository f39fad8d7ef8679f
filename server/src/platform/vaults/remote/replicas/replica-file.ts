/**
 * A copy of a remote database that grows with its replication log. Its file has no name: it ends with whoever has it open,
 * so that nothing of it is ever left behind, and none that was half written is ever read.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openReplicaDatabase, type VaultDatabase } from '../../database.ts';
import type { Frame } from './replication-log.ts';

export interface ReplicaFile {
  /** Whole transactions, in their order. */
  apply(frames: readonly Frame[]): void;
  /** Lends it for reading. Nothing is applied meanwhile. */
  lend<T>(work: (vault: VaultDatabase) => T): T;
  close(): void;
}

const pageBytes = 4096;

/** Where the header of a database says what, https://www.sqlite.org/fileformat.html#the_database_header. */
const header = { writeVersion: 18, changeCounter: 24, pages: 28, validFor: 92 } as const;
/** In this file there is no log beside it: what is applied is written in place, by nobody else, between two reads. */
const withoutLog = Buffer.from([1, 1]);

export function createReplicaFile(directory: string): ReplicaFile {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, randomUUID());
  const descriptor = openSync(path, 'wx', 0o600);
  const database = openOrClose(path, descriptor);
  let changes = 0;

  /** A disk that becomes full takes a part, and says so only this way. */
  function write(bytes: Uint8Array, length: number, at: number): void {
    const written = writeSync(descriptor, bytes, 0, length, at);
    if (written < length) throw new Error(`of ${length} bytes of a replica ${written} were written`);
  }

  /** Tells SQLite that what it keeps in memory is of an older state, and how large the database is. */
  function noteChange(pages: number): void {
    changes += 1;
    const numbers = Buffer.alloc(8);
    numbers.writeUInt32BE(changes, 0);
    numbers.writeUInt32BE(pages, header.pages - header.changeCounter);
    write(numbers, 8, header.changeCounter);
    write(numbers, 4, header.validFor);
    write(withoutLog, 2, header.writeVersion);
  }

  return {
    apply(frames) {
      const pages = frames.at(-1)?.pagesAfter ?? 0;
      if (pages === 0) throw new Error('frames end with the end of a transaction');
      for (const { page, content } of frames) write(content, pageBytes, (page - 1) * pageBytes);
      ftruncateSync(descriptor, pages * pageBytes);
      noteChange(pages);
    },
    lend: (work) => work(database),
    close() {
      database.close();
      closeSync(descriptor);
    },
  };
}

function openOrClose(path: string, descriptor: number) {
  try {
    return openReplicaDatabase(path);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  } finally {
    rmSync(path);
  }
}
