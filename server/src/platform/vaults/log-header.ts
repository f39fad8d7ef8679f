/** Notices a write-ahead log that was damaged, https://www.sqlite.org/fileformat2.html#walformat. */
import { closeSync, openSync, readSync } from 'node:fs';
import { vaultDamaged } from './errors.ts';

const headerBytes = 32;
/** The last bit says in which byte order its checksums are. */
const magic = 0x377f0682;

/**
 * SQLite takes a log whose header it cannot read for none at all, and goes on without the commits in it. A crash leaves the
 * header as it was, as it was to be, or empty; anything else is damage, and what was acknowledged may be lost.
 */
export function requireReadableLog(file: string): void {
  const header = readHeader(`${file}-wal`);
  if (header === undefined || header.every((byte) => byte === 0)) return;
  if ((header.readUInt32BE(0) & ~1) >>> 0 === magic) return;
  throw vaultDamaged('The log of its last changes cannot be read. Restore it from a backup.');
}

function readHeader(path: string): Buffer | undefined {
  const header = Buffer.alloc(headerBytes);
  const descriptor = openIfThere(path);
  if (descriptor === undefined) return undefined;
  try {
    return readSync(descriptor, header, 0, headerBytes, 0) === headerBytes ? header : undefined;
  } finally {
    closeSync(descriptor);
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
