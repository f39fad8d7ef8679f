/** Notices a write-ahead log that was damaged, https://www.sqlite.org/fileformat2.html#walformat. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { vaultDamaged } from './errors.ts';

const headerBytes = 32;
/** The last bit says in which byte order its checksums are. */
const magic = 0x377f0682;

/** A vault that was closed has none. */
export const hasLog = (file: string): boolean => existsSync(logOf(file));

const logOf = (file: string) => `${file}-wal`;

/**
 * SQLite takes a log whose header it cannot read for none at all, and goes on without the commits in it. A crash leaves the
 * header as it was, as it was to be, or empty; anything else is damage, and what was acknowledged may be lost.
 */
export function requireReadableLog(file: string): void {
  const header = readHeader(logOf(file));
  if (header === undefined || header.every((byte) => byte === 0)) return;
  if ((header.readUInt32BE(0) & ~1) >>> 0 === magic) return;
  throw vaultDamaged('The log of its last changes cannot be read. Restore it from a backup.');
}

function readHeader(path: string): Buffer | undefined {
  const header = Buffer.alloc(headerBytes);
  const descriptor = openSync(path, 'r');
  try {
    return readSync(descriptor, header, 0, headerBytes, 0) === headerBytes ? header : undefined;
  } finally {
    closeSync(descriptor);
  }
}
