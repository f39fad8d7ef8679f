import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { type BlobStat, type Blobs, BlobTooLargeError, type ByteRange } from './blobs.ts';

const temporaryName = '.unfinished';

/** Blobs as files of a folder, which is made where it is missing. Unfinished writes of an earlier process are swept away. */
export async function createLocalBlobs(folder: string): Promise<Blobs> {
  const temporary = join(folder, temporaryName);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true, mode: 0o700 });
  return {
    put: (key, body, { sizeBytesMax }) => put({ folder, temporary }, keyOf(key), body, sizeBytesMax),
    get: (key, options = {}) => get(join(folder, keyOf(key)), options.range),
    stat: (key) => statFile(join(folder, keyOf(key))),
    delete: (key) => remove(join(folder, keyOf(key))),
    probe: () => probe(temporary),
  };
}

/** Parts that begin with a letter or digit leave no room for `..`, hidden names or the folder of unfinished writes. */
const keyShape = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}(\/[A-Za-z0-9][A-Za-z0-9._-]{0,127}){0,7}$/;

function keyOf(key: string): string {
  if (!keyShape.test(key))
    throw new TypeError(`${JSON.stringify(key.slice(0, 80))} is not the key of a blob`);
  return key;
}

interface Folders {
  readonly folder: string;
  readonly temporary: string;
}

async function put(
  { folder, temporary }: Folders,
  key: string,
  body: AsyncIterable<Uint8Array>,
  sizeBytesMax: number,
): Promise<BlobStat> {
  const unfinished = join(temporary, randomUUID());
  const path = join(folder, key);
  try {
    const sizeBytes = await writeSynced(unfinished, body, sizeBytesMax);
    await makeFolder(dirname(path));
    await rename(unfinished, path);
    await syncFolder(dirname(path));
    return { sizeBytes };
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

async function writeSynced(
  path: string,
  body: AsyncIterable<Uint8Array>,
  sizeBytesMax: number,
): Promise<number> {
  await using file = await open(path, 'wx', 0o600);
  let sizeBytes = 0;
  for await (const chunk of body) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > sizeBytesMax) throw new BlobTooLargeError(sizeBytesMax);
    await file.writeFile(chunk);
  }
  await file.sync();
  return sizeBytes;
}

/** Makes the folder and everything above it; a new folder is durable only once its parent has been synced. */
async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r');
  await folder.sync();
}

async function get(path: string, range: ByteRange | undefined): Promise<Readable | undefined> {
  const file = await openIfThere(path);
  if (file === undefined || range === undefined) return file?.createReadStream();
  const { size } = await file.stat();
  if (range.start >= 0 && range.start <= range.end && range.end < size)
    return file.createReadStream({ ...range });
  await file.close();
  throw new RangeError(`bytes ${range.start} to ${range.end} do not lie in a blob of ${size} bytes`);
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  return ifThere(open(path, 'r'));
}

async function statFile(path: string): Promise<BlobStat | undefined> {
  const found = await ifThere(stat(path));
  return found?.isFile() ? { sizeBytes: found.size } : undefined;
}

async function remove(path: string): Promise<void> {
  await rm(path, { force: true });
  await ifThere(syncFolder(dirname(path)));
}

async function probe(temporary: string): Promise<void> {
  const path = join(temporary, randomUUID());
  try {
    await writeFile(path, 'probe', { flag: 'wx', mode: 0o600 });
  } finally {
    await rm(path, { force: true });
  }
}

async function ifThere<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined;
    throw error;
  }
}
