/** The live channel: hears from the server that there is something to pull, and comes back whenever it breaks. */
import type { LiveMessage, LiveTicket } from '@alcove/contract';
import { streamEndCodes } from '@alcove/contract/stream-ends';
import { backoffMs, wait } from './backoff.ts';
import { AlcoveError } from './errors.ts';
import type { Session } from './session.ts';
import { isRecord } from './wire.ts';

/** Whether news of other devices come by themselves: `off` means that only asking from time to time brings them. */
export type LiveState = 'connected' | 'connecting' | 'off';

export interface LiveListener {
  onMessage(message: LiveMessage): void;
  onState(state: LiveState): void;
  /** The server says that the session is over; a request will tell what that means. */
  onEnded(): void;
}

export interface LiveChannel {
  /** Listens until the signal aborts. */
  run(listener: LiveListener, signal: AbortSignal): Promise<void>;
}

const policy = { baseMs: 1000, capMs: 5 * 60_000 };
const openingMsMax = 10_000;
/** After so many vain tries nobody should believe any more that it is about to work. */
const triesMax = 3;
const types: readonly unknown[] = ['changed', 'conflict', 'device', 'resync'] satisfies LiveMessage['type'][];

export function createLiveChannel(parts: {
  readonly session: Session;
  readonly url: string;
  readonly random: () => number;
  /** Absent where the platform has none. */
  readonly webSocket: typeof WebSocket | undefined;
}): LiveChannel {
  const { session, url, random, webSocket } = parts;

  /** A browser cannot send a token with a WebSocket, so everybody shows a ticket. */
  async function open(signal: AbortSignal): Promise<string> {
    const { ticket } = await session.request({
      method: 'POST',
      path: '/api/v1/sync/live/ticket',
      answer: isLiveTicket,
      isRepeatable: true,
      signal,
    });
    return `${url.replace(/^http/, 'ws').replace(/\/+$/, '')}/api/v1/sync/live?ticket=${ticket}`;
  }

  /** Says whether the channel stood. */
  async function listenOnce(Socket: typeof WebSocket, listener: LiveListener, signal: AbortSignal) {
    try {
      return { hasStood: await listen(new Socket(await open(signal)), listener, signal), retryAfterMs: 0 };
    } catch (error) {
      return { hasStood: false, retryAfterMs: error instanceof AlcoveError ? error.retryAfterMs : 0 };
    }
  }

  return {
    async run(listener, signal) {
      if (webSocket === undefined) return listener.onState('off');
      for (let vainTries = 0; !signal.aborted; ) {
        listener.onState(vainTries < triesMax ? 'connecting' : 'off');
        const { hasStood, retryAfterMs } = await listenOnce(webSocket, listener, signal);
        vainTries = hasStood ? 0 : vainTries + 1;
        if (hasStood && !signal.aborted) listener.onState('connecting');
        await waitForNetwork(backoffMs(vainTries, random, policy, retryAfterMs), signal);
      }
    },
  };
}

/** Resolves with whether the server was reached, once the socket is closed. */
function listen(socket: WebSocket, listener: LiveListener, signal: AbortSignal): Promise<boolean> {
  const closed = Promise.withResolvers<boolean>();
  let hasStood = false;
  const leave = () => socket.close();
  const impatience = setTimeout(leave, openingMsMax);
  const stopListening = onNetworkChange(leave);
  socket.addEventListener('open', () => {
    clearTimeout(impatience);
    hasStood = true;
    listener.onState('connected');
  });
  socket.addEventListener('message', ({ data }) => {
    const message = parseMessage(data);
    if (message !== undefined) listener.onMessage(message);
  });
  socket.addEventListener('close', ({ code }) => {
    if (code === streamEndCodes.ended) listener.onEnded();
    clearTimeout(impatience);
    stopListening();
    signal.removeEventListener('abort', leave);
    closed.resolve(hasStood);
  });
  if (signal.aborted) leave();
  else signal.addEventListener('abort', leave, { once: true });
  return closed.promise;
}

/** Waits, but not once the device has a network again. Resolves when the signal aborts. */
async function waitForNetwork(ms: number, signal: AbortSignal): Promise<void> {
  const back = new AbortController();
  const stopListening = onNetworkChange(() => back.abort());
  await wait(ms, AbortSignal.any([signal, back.signal])).catch(() => undefined);
  stopListening();
}

/** Where the platform tells: an old connection is of no use on a new network. */
export function onNetworkChange(listener: () => void): () => void {
  if (typeof globalThis.addEventListener !== 'function') return () => undefined;
  globalThis.addEventListener('online', listener);
  return () => globalThis.removeEventListener('online', listener);
}

function parseMessage(data: unknown): LiveMessage | undefined {
  try {
    const value: unknown = JSON.parse(String(data));
    return isLiveMessage(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A type that this version does not know says nothing to it. */
function isLiveMessage(value: unknown): value is LiveMessage {
  if (!isRecord(value) || !types.includes(value.type)) return false;
  return value.cursor === undefined || typeof value.cursor === 'string';
}

function isLiveTicket(value: unknown): value is LiveTicket {
  return isRecord(value) && typeof value.ticket === 'string' && typeof value.expiresAt === 'string';
}
