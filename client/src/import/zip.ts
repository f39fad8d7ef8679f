/** Reads files out of a ZIP archive that nobody vouches for. */
import { Unzip, UnzipInflate } from 'fflate';
import type { Bytes } from '../bytes.ts';
import { AlcoveError } from '../errors.ts';

export interface ZippedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** What an archive may come to, for it says itself how large it is. */
const filesMax = 200_000;
const fileBytesMax = 128 * 1024 * 1024;
const allBytesMax = 1024 * 1024 * 1024;
/** Little enough that what one step inflates to fits in memory. */
const stepBytes = 16 * 1024;
const start = [0x50, 0x4b, 0x03, 0x04];

export const zipStartLength = start.length;

export function isZip(bytes: Uint8Array): boolean {
  return start.every((byte, at) => bytes[at] === byte);
}

/**
 * The wanted files of an archive, one after the other, from beginning to end. Others are passed over without inflating.
 * Throws `import.damaged`, `import.unsafe`.
 */
export async function* filesOfZip(
  chunks: AsyncIterable<Bytes>,
  isWanted: (path: string) => boolean,
): AsyncGenerator<ZippedFile, void> {
  const reader = createReader(isWanted);
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += stepBytes) {
      yield* reader.push(chunk.subarray(at, at + stepBytes), false);
    }
  }
  yield* reader.push(new Uint8Array(), true);
  reader.end();
}

function createReader(isWanted: (path: string) => boolean) {
  const finished: ZippedFile[] = [];
  const open = new Set<string>();
  let files = 0;
  let bytes = 0;

  const unzip = new Unzip((file) => {
    files += 1;
    if (files > filesMax) throw unsafe(`it has more than ${filesMax} files`);
    requireSafePath(file.name);
    if (file.name.endsWith('/') || !isWanted(file.name)) return;
    const parts: Uint8Array[] = [];
    let length = 0;
    open.add(file.name);
    file.ondata = (error, part, isLast) => {
      // The library hands what was thrown here back to here.
      if (error !== null) throw error instanceof AlcoveError ? error : damaged(file.name, error);
      parts.push(part);
      length += part.length;
      bytes += part.length;
      if (length > fileBytesMax) throw unsafe(`${file.name} is larger than ${fileBytesMax} bytes`);
      if (bytes > allBytesMax) throw unsafe(`its files are larger than ${allBytesMax} bytes together`);
      if (!isLast) return;
      open.delete(file.name);
      finished.push({ path: file.name, bytes: concat(parts, length) });
    };
    file.start();
  });
  unzip.register(UnzipInflate);

  return {
    push(step: Bytes, isLast: boolean): ZippedFile[] {
      try {
        unzip.push(step, isLast);
      } catch (error) {
        throw error instanceof AlcoveError ? error : damaged([...open].at(-1) ?? 'the archive', error);
      }
      return finished.splice(0);
    },
    end() {
      for (const path of open) throw damaged(path);
      if (files === 0) throw damaged('the archive');
    },
  };
}

/** Nothing is written under these names, but an archive with such a name was made to harm somebody. */
function requireSafePath(path: string): void {
  const isUnsafe =
    path.includes('\\') ||
    path.includes('\0') ||
    /^([A-Za-z]:|\/)/.test(path) ||
    path.split('/').includes('..');
  if (isUnsafe) throw unsafe(`a file in it is named ${JSON.stringify(path)}`);
}

function concat(parts: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function unsafe(reason: string): AlcoveError {
  return new AlcoveError('import.unsafe', `The archive was not read: ${reason}.`);
}

function damaged(path: string, cause?: unknown): AlcoveError {
  return new AlcoveError('import.damaged', `The archive is damaged or cut off, at ${path}.`, { cause });
}
