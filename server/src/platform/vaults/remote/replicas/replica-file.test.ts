import fs, { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createReplicaFile } from './replica-file.ts';
import type { Frame } from './replication-log.ts';

const pageBytes = 4096;
const { writeSync } = fs;
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'replica-file-'));
});
afterEach(() => {
  cutShort(0);
  rmSync(directory, { recursive: true });
});

/** Of writes of this length the disk takes one byte less, and says so, as one does that becomes full. */
function cutShort(cut: number): void {
  fs.writeSync = ((descriptor: number, bytes: Uint8Array, offset: number, length: number, at: number) =>
    writeSync(descriptor, bytes, offset, length === cut ? length - 1 : length, at)) as typeof writeSync;
  syncBuiltinESMExports();
}

/** The pages of a database, as one transaction. */
function framesOf(fill: string): Frame[] {
  const path = join(directory, 'original.db');
  const original = new DatabaseSync(path);
  original.exec(`PRAGMA page_size = ${pageBytes}; ${fill}`);
  original.close();
  const file = readFileSync(path);
  const pages = file.byteLength / pageBytes;
  return Array.from({ length: pages }, (_, at) => ({
    index: at,
    checksum: BigInt(at),
    page: at + 1,
    pagesAfter: at + 1 === pages ? pages : 0,
    content: file.subarray(at * pageBytes, (at + 1) * pageBytes),
  }));
}

test.each([
  ['a page', pageBytes],
  ['how large it is', 8],
  ['how new it is', 4],
  ['how it is written', 2],
])('what a replica is to hold is refused when the disk took only a part of %s', (_, cut) => {
  const frames = framesOf(`CREATE TABLE note (text TEXT); INSERT INTO note VALUES ('whole')`);
  const file = createReplicaFile(directory);
  try {
    cutShort(cut);
    expect(() => file.apply(frames)).toThrow(/were written/);
    cutShort(0);
    file.apply(frames);
    expect(file.lend((vault) => vault.statement('SELECT text FROM note').all())).toMatchObject([
      { text: 'whole' },
    ]);
  } finally {
    file.close();
  }
});
