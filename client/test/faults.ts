/** Networks and stores that fail on purpose, at a chosen moment. */
import type { Storage, StorageHandle } from '@alcove/client';

/** What happens to one request. */
export type NetworkFault =
  /** The connection breaks before the server hears of it. */
  | 'cut'
  /** The server acts, and its answer is lost. */
  | 'lost-answer'
  /** The request arrives twice, as after a repetition by a proxy. */
  | 'doubled'
  /** The server acts, its answer breaks off in the middle. */
  | 'torn-answer'
  /** Something on the way says 503. */
  | 'unavailable';

/** A fetch that asks `decide` about each request, counted from 0. */
export function faultyFetch(
  decide: (request: number, url: string) => NetworkFault | undefined,
): typeof fetch {
  let count = 0;
  return async (input, init) => {
    const fault = decide(count++, String(input));
    if (fault === 'cut') throw new TypeError('fetch failed');
    if (fault === 'unavailable') return new Response('busy', { status: 503 });
    if (fault === 'doubled') await fetch(input, init).then((response) => response.arrayBuffer());
    const response = await fetch(input, init);
    if (fault === undefined || fault === 'doubled') return response;
    const text = await response.text();
    if (fault === 'lost-answer') throw new TypeError('fetch failed');
    return new Response(tornBody(text), { status: response.status });
  };
}

/** A fetch whose process dies with the answer of one request: `die` is called, and nothing ever comes back. */
export function dyingFetch(dyingRequest: number, die: () => void): typeof fetch {
  let count = 0;
  return async (input, init) => {
    const isLast = count++ === dyingRequest;
    const response = await fetch(input, init);
    if (!isLast) return response;
    await response.arrayBuffer();
    const nothing = new Promise<never>((_resolve, reject) => {
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
    });
    die();
    return nothing;
  };
}

/** Thrown by a store whose process "dies". */
export class Crash extends Error {}

/** A store that dies at one of its writes, just before or just after the batch is durable, and works until then. */
export function crashingStorage(inner: Storage, dyingWrite: number, moment: 'before' | 'after'): Storage {
  let count = 0;
  const write = async (handle: StorageHandle, batch: Parameters<StorageHandle['write']>[0]) => {
    if (count > dyingWrite) throw new Crash('dead already');
    const isLast = count++ === dyingWrite;
    if (isLast && moment === 'before') throw new Crash('before the write');
    await handle.write(batch);
    if (isLast) throw new Crash('after the write');
  };
  return {
    async open() {
      const handle = await inner.open();
      return {
        read: (key) => handle.read(key),
        scan: (prefix) => handle.scan(prefix),
        close: () => handle.close(),
        write: (batch) => write(handle, batch),
      };
    },
  };
}

function tornBody(text: string): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text.slice(0, Math.ceil(text.length / 2))));
      controller.error(new TypeError('terminated'));
    },
  });
}

/** A server that cheats: it rewrites the JSON of its answers to requests whose path ends like this. */
export function lyingFetch(
  method: string,
  pathEnd: RegExp,
  lie: (answer: Record<string, unknown>) => unknown,
): typeof fetch {
  return async (input, init) => {
    const response = await fetch(input, init);
    const isTarget = init?.method === method && pathEnd.test(new URL(String(input)).pathname);
    if (!isTarget || !response.ok) return response;
    const { headers, status } = response;
    return new Response(JSON.stringify(lie(Object(await response.json()))), { headers, status });
  };
}
