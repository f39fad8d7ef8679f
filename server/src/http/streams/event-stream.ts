/** Sends a stream as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { StreamEvent } from '../route.ts';
import type { OpenStream } from './open-streams.ts';

const comment = ':\n\n';
/** Holds a few events. Whoever reads slower than they come is not asked for more. */
const bufferBytes = 4096;
/** What a reader who takes nothing may hold up is closed after so many heartbeats. */
const stalledBeatsMax = 2;

/** Resolves when the stream is over. */
export function sendEventStream(
  reply: FastifyReply,
  events: AsyncIterable<StreamEvent>,
  { stream, heartbeatMs, onFailure }: StreamParts,
): FastifyReply {
  const out = new PassThrough({ highWaterMark: bufferBytes });
  out.once('close', () => stream.end());
  out.on('error', () => stream.end());
  const beat = startHeartbeat(out, heartbeatMs, () => reply.raw.destroy());
  pump(out, events, stream)
    .catch((error: unknown) => {
      stream.end('failed');
      onFailure(error);
    })
    .finally(() => {
      clearInterval(beat);
      const reason = stream.endedBy();
      out.end(reason === undefined ? '' : frame({ event: 'end', data: { reason } }));
      stream.close();
    });
  // A proxy that collects answers before it passes them on would collect this one for ever.
  return reply.type('text/event-stream; charset=utf-8').header('X-Accel-Buffering', 'no').send(out);
}

export interface StreamParts {
  readonly stream: OpenStream;
  readonly heartbeatMs: number;
  readonly onFailure: (error: unknown) => void;
}

async function pump(
  out: PassThrough,
  events: AsyncIterable<StreamEvent>,
  { signal, end }: OpenStream,
): Promise<void> {
  // The head of the answer travels with its first byte.
  out.write(comment);
  for await (const event of events) {
    if (signal.aborted) return;
    if (!out.write(frame(event))) await once(out, 'drain', { signal }).catch(() => undefined);
    if (signal.aborted) return;
  }
  end('done');
}

function startHeartbeat(out: PassThrough, everyMs: number, cut: () => void): NodeJS.Timeout {
  let stalledBeats = 0;
  return setInterval(() => {
    stalledBeats = out.writableNeedDrain ? stalledBeats + 1 : 0;
    if (stalledBeats === 0) out.write(comment);
    if (stalledBeats >= stalledBeatsMax) cut();
  }, everyMs);
}

function frame({ event, id, data }: StreamEvent): string {
  const idLine = id === undefined ? '' : `id: ${id}\n`;
  return `${idLine}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
