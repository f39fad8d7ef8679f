/** Looks for texts in every file below a folder, as `grep -r` would, and in more than one spelling. */
import { createReadStream } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { join } from 'node:path';

/** Something that may or may not lie in a folder, in any of its spellings: bytes, one `latin1` character each. */
export interface Needle {
  readonly name: string;
  readonly spellings: readonly string[];
  /** Whether capital and small letters are one, as far as ASCII goes. */
  readonly anyCase: boolean;
}

export interface Search {
  readonly found: ReadonlySet<string>;
  readonly files: number;
  readonly bytes: number;
}

const chunkBytes = 256 * 1024;

/** A word as it is, in capitals or small letters. */
export function wordNeedle(word: string): Needle {
  return { name: word, spellings: [latin1Of(Buffer.from(word)).toLowerCase()], anyCase: true };
}

/** A word inside of something that was written as base64: it can begin at three places of a group. */
export function encodedWordNeedle(word: string): Needle {
  const spellings = [0, 1, 2].flatMap((offset) => base64At(Buffer.from(word), offset));
  return { name: word, spellings: [...new Set(spellings)], anyCase: false };
}

/** A key as base64url, base64, hex, and as its bare bytes. */
export function keyNeedle(key: string): Needle {
  const bytes = Buffer.from(key, 'base64url');
  const base64 = bytes.toString('base64').replace(/=+$/, '');
  return {
    name: key,
    spellings: [...new Set([key, base64, bytes.toString('hex'), latin1Of(bytes)])],
    anyCase: false,
  };
}

/** Reads all of the folder's files. Those that vanish on the way were temporary. */
export async function searchFolder(folder: string, needles: readonly Needle[]): Promise<Search> {
  const found = new Set<string>();
  let files = 0;
  let bytes = 0;
  for await (const entry of await opendir(folder, { recursive: true })) {
    if (!entry.isFile()) continue;
    files += 1;
    bytes += await searchFile(join(entry.parentPath, entry.name), needles, found);
  }
  return { found, files, bytes };
}

async function searchFile(path: string, needles: readonly Needle[], found: Set<string>): Promise<number> {
  const overlap = Math.max(0, ...needles.flatMap(({ spellings }) => spellings.map(({ length }) => length)));
  let bytes = 0;
  let tail = '';
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: chunkBytes, encoding: 'latin1' })) {
      const text = tail + String(chunk);
      bytes += text.length - tail.length;
      searchText(text, needles, found);
      tail = text.slice(Math.max(0, text.length - overlap));
    }
  } catch (error) {
    if (!isGone(error)) throw error;
  }
  return bytes;
}

function searchText(text: string, needles: readonly Needle[], found: Set<string>): void {
  const lowered = text.toLowerCase();
  for (const { name, spellings, anyCase } of needles) {
    const place = anyCase ? lowered : text;
    if (spellings.some((spelling) => place.includes(spelling))) found.add(name);
  }
}

/** The characters that depend on the word alone, whatever stands before and behind it, in both alphabets. */
function base64At(word: Buffer, offset: number): string[] {
  const text = Buffer.concat([Buffer.alloc(offset), word]).toString('base64');
  const stable = text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + word.length) * 8) / 6));
  return [stable, stable.replaceAll('+', '-').replaceAll('/', '_')];
}

function latin1Of(bytes: Buffer): string {
  return bytes.toString('latin1');
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
