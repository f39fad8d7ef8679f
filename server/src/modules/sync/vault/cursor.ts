/**
 * A cursor says up to where a device has read, and in which history: each vault has a random generation, so that a position
 * in another one's is never taken for one in this.
 */
import type { ResyncReason, ResyncRequired } from '@alcove/contract';
import { fromBase64Url, toBase64Url } from '@alcove/contract/base64url';
import { invalidCursor, resyncRequired } from '../errors.ts';

export interface Position {
  /** Everything up to this sequence number has been read. */
  readonly seq: number;
  /**
   * A device that reads a vault for the first time needs no tombstones of what it never had. It is told of deletions
   * after this sequence number only: the head when it began. Zero for everyone else.
   */
  readonly quietUpTo: number;
}

export interface History {
  readonly generation: string;
  readonly head: number;
  /** A reader that has not come so far may have missed deletions that are forgotten. */
  readonly floor: number;
}

/** The last sequence number that an earlier history shares with this one; `undefined` for a stranger. */
type FindSharedHead = (generation: string) => number | undefined;

/** Layout: version byte, 16 bytes of generation, two big-endian numbers of 7 bytes. */
const layoutVersion = 1;
const lengthBytes = 31;
const seqAt = 17;
const quietAt = 24;
const numberBytes = 7;

export function writeCursor(generation: string, position: Position): string {
  const bytes = Buffer.alloc(lengthBytes);
  bytes[0] = layoutVersion;
  bytes.write(generation, 1, 'hex');
  writeNumber(bytes, seqAt, position.seq);
  writeNumber(bytes, quietAt, position.quietUpTo);
  return toBase64Url(bytes);
}

/** Throws `sync.invalid_cursor` for a text that is no cursor, `sync.resync_required` for one from which nobody can go on. */
export function readCursor(text: string, history: History, findSharedHead: FindSharedHead): Position {
  const bytes = decode(text);
  const position = positionIn(bytes);
  const resync = findResync(
    { generation: bytes.toString('hex', 1, seqAt), position },
    history,
    findSharedHead,
  );
  if (resync === undefined) return position;
  throw resyncRequired({
    detail: `The cursor is from ${origins[resync.reason]}. Pull again without one, and keep what is queued.`,
    extensions: { ...resync },
  });
}

function findResync(
  { generation, position }: { generation: string; position: Position },
  { head, floor, ...history }: History,
  findSharedHead: FindSharedHead,
): ResyncRequired | undefined {
  const { seq, quietUpTo } = position;
  if (generation !== history.generation) {
    const sharedHead = findSharedHead(generation);
    return sharedHead === undefined
      ? { reason: 'other_vault', knownUpToSeq: 0 }
      : { reason: 'restored', knownUpToSeq: sharedHead };
  }
  // Both were reached when the cursor was written; a vault whose file was exchanged may not have come that far yet.
  const reached = Math.max(seq, quietUpTo);
  if (reached > head) return { reason: 'ahead', knownUpToSeq: 0 };
  // Who reads for the first time needs no deletions from before it began.
  return reached < floor ? { reason: 'collected', knownUpToSeq: head } : undefined;
}

const origins: Readonly<Record<ResyncReason, string>> = {
  restored: 'before the vault was restored from a backup',
  collected: 'a time whose deletions are forgotten',
  ahead: 'a later time than the vault has reached',
  other_vault: 'another vault',
};

/** The history that a cursor belongs to; undefined where it is no cursor. */
export function generationOf(text: string): string | undefined {
  try {
    return decode(text).toString('hex', 1, seqAt);
  } catch {
    return undefined;
  }
}

/** What the text says, of whatever history; `undefined` where it is no cursor. */
export function findPosition(text: string): Position | undefined {
  try {
    return positionIn(decode(text));
  } catch {
    return undefined;
  }
}

function positionIn(bytes: Buffer): Position {
  const position = { seq: readNumber(bytes, seqAt), quietUpTo: readNumber(bytes, quietAt) };
  if (!Object.values(position).every(Number.isSafeInteger)) throw notACursor();
  return position;
}

function decode(text: string): Buffer {
  try {
    const bytes = Buffer.from(fromBase64Url(text));
    if (bytes.length === lengthBytes && bytes[0] === layoutVersion && toBase64Url(bytes) === text)
      return bytes;
  } catch {
    // Not base64url at all.
  }
  throw notACursor();
}

const notACursor = () => invalidCursor('Send a cursor just as it was answered, or none.');

/** Node reads and writes at most 6 bytes at once, and a sequence number may need 53 bits. */
function writeNumber(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt8(Math.floor(value / 2 ** 48), at);
  bytes.writeUIntBE(value % 2 ** 48, at + 1, numberBytes - 1);
}

function readNumber(bytes: Buffer, at: number): number {
  return bytes.readUInt8(at) * 2 ** 48 + bytes.readUIntBE(at + 1, numberBytes - 1);
}
