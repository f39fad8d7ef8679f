/** Takes a body as it arrives, up to so many bytes, as one piece of memory that is its own. */
import type { IncomingMessage } from 'node:http';
import { releaseBytes } from '../platform/bytes/index.ts';
import { bodyTooLarge } from './errors.ts';

/** Its caller left before it had arrived. */
export class BodyBrokenOff extends Error {}

export function readBody(arriving: IncomingMessage, bytesMax: number): Promise<Buffer> {
  if (Number(arriving.headers['content-length']) > bytesMax) {
    // It flows past us: who is still sending when the connection ends never reads the answer.
    arriving.resume();
    return Promise.reject(bodyTooLarge());
  }
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let length = 0;

  function take(chunk: Buffer): void {
    length += chunk.length;
    if (length <= bytesMax) {
      chunks.push(chunk);
      return;
    }
    // The rest still flows, past us, so that the answer can be read.
    arriving.off('data', take);
    release(chunks.splice(0));
    reject(bodyTooLarge());
  }

  arriving
    .on('data', take)
    .once('end', () => resolve(join(chunks)))
    .once('error', (cause) => reject(new BodyBrokenOff('the body broke off', { cause })));
  return promise;
}

function join(chunks: readonly Buffer[]): Buffer {
  const body = Buffer.concat(chunks);
  release(chunks);
  return body;
}

/** The collector sees a few words where 64 KB lie, and looks through the whole heap when they have become many. */
function release(chunks: readonly Buffer[]): void {
  for (const chunk of chunks) releaseBytes(chunk);
}
