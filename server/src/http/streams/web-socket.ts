/** Sends a stream over a WebSocket: one JSON text for each event, and nothing is expected back but the answers to pings. */
import { streamEndCodes } from '@alcove/contract/stream-ends';
import type { WebSocket } from 'ws';
import type { StreamEvent } from '../route.ts';
import type { StreamParts } from './event-stream.ts';
import type { OpenStream } from './open-streams.ts';

/** Nothing that a client has to say is longer. */
export const messageBytesMax = 1024;
/** How long the other side may take to say goodbye. */
const goodbyeMs = 2000;

export function sendOverSocket(
  socket: WebSocket,
  events: AsyncIterable<StreamEvent>,
  { stream, heartbeatMs, onFailure }: StreamParts,
): void {
  socket.once('close', () => {
    stream.close();
    clearInterval(beat);
  });
  // Frames that are none close the socket by themselves.
  socket.on('error', () => socket.terminate());
  socket.on('message', () => stream.end('misused'));
  const beat = startHeartbeat(socket, heartbeatMs);
  pump(socket, events, stream)
    .catch((error: unknown) => {
      stream.end('failed');
      onFailure(error);
    })
    .finally(() => sayGoodbye(socket, stream));
}

async function pump(
  socket: WebSocket,
  events: AsyncIterable<StreamEvent>,
  stream: OpenStream,
): Promise<void> {
  const { signal } = stream;
  for await (const { data } of events) {
    if (signal.aborted) return;
    await send(socket, JSON.stringify(data), stream);
    if (signal.aborted) return;
  }
  stream.end('done');
}

/** Resolves when the text has left this process, or never will: the next event is asked for only then. */
function send(socket: WebSocket, text: string, { signal, end }: OpenStream): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => resolve();
    signal.addEventListener('abort', stop, { once: true });
    socket.send(text, (error) => {
      // It is closing: without this a source that never rests would keep the process from noticing.
      if (error) end();
      signal.removeEventListener('abort', stop);
      resolve();
    });
  });
}

/** Who has not answered the last ping by the time of the next one is gone, or takes nothing any more. */
function startHeartbeat(socket: WebSocket, everyMs: number): NodeJS.Timeout {
  let isThere = true;
  socket.on('pong', () => {
    isThere = true;
  });
  return setInterval(() => {
    if (!isThere) return socket.terminate();
    isThere = false;
    socket.ping();
  }, everyMs);
}

function sayGoodbye(socket: WebSocket, stream: OpenStream): void {
  const reason = stream.endedBy() ?? 'done';
  socket.close(streamEndCodes[reason], reason);
  const patience = setTimeout(() => socket.terminate(), goodbyeMs);
  socket.once('close', () => clearTimeout(patience));
}
