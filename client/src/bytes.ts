/** Streams of bytes and text, the same in Node and in browsers. */
import { AlcoveError } from './errors.ts';

export type Bytes = Uint8Array<ArrayBuffer>;

/** Something to read bytes from: a `File`, what `openAsBlob` or `createReadStream` of Node gives, a whole text. */
export type ByteSource =
  | Blob
  | Uint8Array
  | string
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array | string>;

/** Blocks of one size but the last, which is no longer than that, possibly empty, and says that it is the last. */
export interface Block {
  readonly bytes: Bytes;
  readonly isLast: boolean;
}

const utf8 = new TextEncoder();
const chunkLength = 64 * 1024;

export async function* bytesOf(source: ByteSource): AsyncGenerator<Bytes, void> {
  if (typeof source === 'string') yield utf8.encode(source);
  else if (source instanceof Uint8Array) yield new Uint8Array(source);
  else if (source instanceof Blob) yield* bytesOf(source.stream());
  else if (source instanceof ReadableStream) yield* chunksOf(source);
  else for await (const chunk of source) yield typeof chunk === 'string' ? utf8.encode(chunk) : own(chunk);
}

export async function* inBlocks(
  chunks: AsyncIterable<Bytes>,
  blockBytes: number,
): AsyncGenerator<Block, void> {
  let held: Bytes = new Uint8Array();
  for await (const chunk of chunks) {
    held = joined(held, chunk);
    let at = 0;
    for (; held.length - at > blockBytes; at += blockBytes) {
      yield { bytes: held.slice(at, at + blockBytes), isLast: false };
    }
    held = held.slice(at);
  }
  yield { bytes: held, isLast: true };
}

/** The first bytes, as far as there are so many, and all bytes. */
export async function peek(
  chunks: AsyncGenerator<Bytes, void>,
  length: number,
): Promise<{ start: Bytes; all: AsyncGenerator<Bytes, void> }> {
  let start: Bytes = new Uint8Array();
  while (start.length < length) {
    const { value, done } = await chunks.next();
    if (done === true) break;
    start = joined(start, value);
  }
  async function* all() {
    yield start;
    yield* chunks;
  }
  return { start, all: all() };
}

/** A stream that asks for the next bytes when the last ones were taken. */
export function toStream(chunks: AsyncGenerator<Bytes, void>): ReadableStream<Bytes> {
  return new ReadableStream({
    async pull(controller) {
      const { value, done } = await chunks.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await chunks.return();
    },
  });
}

/** Throws `import.damaged` for what is not UTF-8. */
export async function* decoded(chunks: AsyncIterable<Bytes>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  for await (const chunk of chunks) yield decode(decoder, chunk);
  yield decode(decoder);
}

function decode(decoder: TextDecoder, chunk?: Bytes): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch {
    throw new AlcoveError('import.damaged', 'The file is no text in UTF-8.');
  }
}

/** Texts as their UTF-8, in chunks worth writing. */
export async function* encoded(texts: AsyncIterable<string>): AsyncGenerator<Bytes, void> {
  let held = '';
  for await (const text of texts) {
    held += text;
    if (held.length < chunkLength) continue;
    yield utf8.encode(held);
    held = '';
  }
  if (held !== '') yield utf8.encode(held);
}

/** Not every browser can iterate a stream. */
async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Bytes, void> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      yield own(value);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

function own(bytes: Uint8Array): Bytes {
  return bytes.buffer instanceof ArrayBuffer
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
}

function joined(a: Bytes, b: Bytes): Bytes {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
