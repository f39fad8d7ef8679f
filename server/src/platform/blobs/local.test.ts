import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { BlobTooLargeError, createLocalBlobs } from './index.ts';

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'alcove-blobs-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

const streamOf = (...chunks: (Uint8Array | string)[]) =>
  Readable.from(chunks.map((chunk) => Buffer.from(chunk)));
const limits = { sizeBytesMax: 1_000_000 };

async function readAll(stream: Readable | undefined): Promise<Buffer | undefined> {
  return stream === undefined ? undefined : buffer(stream);
}

test('bytes come back as they were stored, in one piece or many', async () => {
  const blobs = await createLocalBlobs(temporaryFolder());
  const bytes = randomBytes(300_000);
  const stored = await blobs.put('a/b/c', streamOf(bytes.subarray(0, 10), bytes.subarray(10)), limits);
  expect(stored).toEqual({ sizeBytes: 300_000 });
  expect(await blobs.stat('a/b/c')).toEqual({ sizeBytes: 300_000 });
  expect((await readAll(await blobs.get('a/b/c')))?.equals(bytes)).toBe(true);
});

test('a range gives both its ends', async () => {
  const blobs = await createLocalBlobs(temporaryFolder());
  await blobs.put('digits', streamOf('0123456789'), limits);
  expect(String(await readAll(await blobs.get('digits', { range: { start: 2, end: 4 } })))).toBe('234');
  expect(String(await readAll(await blobs.get('digits', { range: { start: 9, end: 9 } })))).toBe('9');
});

test.each([
  { start: 10, end: 12 },
  { start: 0, end: 10 },
  { start: 4, end: 3 },
  { start: -1, end: 3 },
])('the range $start-$end that does not lie in the blob is refused', async (range) => {
  const blobs = await createLocalBlobs(temporaryFolder());
  await blobs.put('digits', streamOf('0123456789'), limits);
  await expect(blobs.get('digits', { range })).rejects.toThrow(RangeError);
});

test('what is not there reads as undefined and can be deleted', async () => {
  const blobs = await createLocalBlobs(temporaryFolder());
  await blobs.put('a', streamOf('x'), limits);
  for (const key of ['b', 'a/b', 'b/c']) {
    expect(await blobs.get(key)).toBeUndefined();
    expect(await blobs.stat(key)).toBeUndefined();
  }
  await blobs.delete('b/c');
});

test('a deleted blob is gone', async () => {
  const blobs = await createLocalBlobs(temporaryFolder());
  await blobs.put('a', streamOf('x'), limits);
  await blobs.delete('a');
  expect(await blobs.get('a')).toBeUndefined();
});

test('a body over the limit leaves neither a part of itself nor harm to the old bytes', async () => {
  const folder = temporaryFolder();
  const blobs = await createLocalBlobs(folder);
  await blobs.put('a', streamOf('old'), limits);
  await expect(blobs.put('a', streamOf('123', '4567'), { sizeBytesMax: 6 })).rejects.toThrow(
    BlobTooLargeError,
  );
  expect(String(await readAll(await blobs.get('a')))).toBe('old');
  expect(readdirSync(join(folder, '.unfinished'))).toEqual([]);
});

test('a body that breaks off leaves nothing behind', async () => {
  const folder = temporaryFolder();
  const blobs = await createLocalBlobs(folder);
  async function* broken() {
    yield Buffer.from('half');
    throw new Error('connection lost');
  }
  await expect(blobs.put('a', broken(), limits)).rejects.toThrow('connection lost');
  expect(await blobs.stat('a')).toBeUndefined();
  expect(readdirSync(join(folder, '.unfinished'))).toEqual([]);
});

test('what a killed process left half-written is swept away on the next start', async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, '.unfinished'), { recursive: true });
  writeFileSync(join(folder, '.unfinished', 'leftover'), 'half');
  const blobs = await createLocalBlobs(folder);
  expect(readdirSync(join(folder, '.unfinished'))).toEqual([]);
  await blobs.put('a', streamOf('x'), limits);
  expect(readdirSync(folder).sort()).toEqual(['.unfinished', 'a']);
});

test.each([
  '',
  '.',
  '..',
  '../secret',
  'a/../../secret',
  'a/..',
  '/etc/passwd',
  'a//b',
  'a/',
  '.unfinished/x',
  'a\\..\\b',
  'a\0b',
  'a b',
  '%2e%2e/x',
  'ä',
  'x'.repeat(129),
])('the key %j is refused before any file is touched', async (key) => {
  const folder = join(temporaryFolder(), 'inner');
  const blobs = await createLocalBlobs(folder);
  await expect(async () => blobs.put(key, streamOf('x'), limits)).rejects.toThrow(TypeError);
  await expect(async () => blobs.get(key)).rejects.toThrow(TypeError);
  await expect(async () => blobs.delete(key)).rejects.toThrow(TypeError);
  expect(readdirSync(folder)).toEqual(['.unfinished']);
  expect(existsSync(join(folder, '..', 'secret'))).toBe(false);
});

test('a probe leaves nothing behind, and fails when nothing can be written', async () => {
  const folder = temporaryFolder();
  const blobs = await createLocalBlobs(folder);
  await blobs.probe();
  expect(readdirSync(join(folder, '.unfinished'))).toEqual([]);
  rmSync(join(folder, '.unfinished'), { recursive: true });
  await expect(blobs.probe()).rejects.toThrow('ENOENT');
});

test('of two writers at once one wins whole', async () => {
  const blobs = await createLocalBlobs(temporaryFolder());
  const bodies = [randomBytes(100_000), randomBytes(100_000)];
  await Promise.all(bodies.map((body) => blobs.put('a', streamOf(body), limits)));
  const stored = await readAll(await blobs.get('a'));
  expect(bodies.some((body) => stored?.equals(body))).toBe(true);
});
