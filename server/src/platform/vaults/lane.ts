/** One worker thread and the calls that wait for it. A thread that dies is replaced; its calls fail, others go on. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Logger } from '../telemetry/index.ts';
import { vaultUnavailable } from './errors.ts';
import {
  counters,
  type Envelope,
  packValue,
  type Reply,
  type Request,
  unpackError,
  type WorkerOptions,
} from './messages.ts';

export interface Lane {
  /** Resolves when the worker can serve, rejects when it cannot start at all. */
  readonly ready: Promise<void>;
  send(request: Request): Promise<unknown>;
  /** As `send`, behind the requests of people; where they never pause, after a while all the same. */
  sendBehind(request: Request): Promise<unknown>;
  outstanding(): number;
  openCount(): number;
  openedTotal(): number;
  replicaCount(): number;
  /** Lets the call that has begun finish, fails those that wait, closes every vault and ends the thread. */
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A call that has begun and every vault's log have so long. What is cut off then is taken back at the next opening. */
const closeWithinMs = 2000;
const behindMaxMs = 1000;
/** A program that cannot even be loaded would otherwise be restarted thousands of times a second. */
const restartPauseMs = 500;

export function createLane(options: Omit<WorkerOptions, 'counters'>, log: Logger): Lane {
  const shared = new SharedArrayBuffer(counters.size * Int32Array.BYTES_PER_ELEMENT);
  const counts = new Int32Array(shared);
  const waiting = new Map<number, Waiting>();
  const firstReady = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let idle = Promise.withResolvers<void>();
  let worker: Worker | undefined = start();
  let restart: NodeJS.Timeout | undefined;
  let lastId = 0;
  let isClosing = false;

  function start(): Worker {
    const started = new Worker(new URL('./worker.ts', import.meta.url), {
      name: 'vaults',
      workerData: { ...options, counters: shared } satisfies WorkerOptions,
      // What passes through here is short-lived. With the default young generation each worker comes to hold some 50 MB
      // of garbage under load, and is not a bit faster for it.
      resourceLimits: { maxYoungGenerationSizeMb: 6 },
    });
    let isReady = false;
    started.on('message', (reply: Reply) => {
      if (reply.kind === 'ready') isReady = true;
      settle(reply);
    });
    started.on('error', (error) => {
      firstReady.reject(error);
      if (!isClosing) log.error({ err: error }, 'a vault worker died');
    });
    started.on('exit', () => onExit(isReady));
    return started;
  }

  function settle(reply: Reply): void {
    if (reply.kind === 'ready') {
      firstReady.resolve();
      return;
    }
    const call = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.kind === 'done') call?.resolve(reply.output);
    else call?.reject(unpackError(reply.thrown));
    if (waiting.size === 0) tellIdle();
  }

  function tellIdle(): void {
    idle.resolve();
    idle = Promise.withResolvers<void>();
  }

  async function whenIdle(): Promise<void> {
    if (waiting.size === 0) return;
    const patience = new AbortController();
    await Promise.race([idle.promise, sleep(behindMaxMs, undefined, { signal: patience.signal })]);
    patience.abort();
  }

  function onExit(wasReady: boolean): void {
    worker = undefined;
    firstReady.reject(new Error('the vault worker ended before it was ready'));
    counts.fill(0);
    for (const call of waiting.values()) call.reject(lost());
    waiting.clear();
    tellIdle();
    if (isClosing) {
      ended.resolve();
      return;
    }
    restart = setTimeout(
      () => {
        worker = start();
      },
      wasReady ? 0 : restartPauseMs,
    );
  }

  function send(request: Request): Promise<unknown> {
    if (worker === undefined) return Promise.reject(lost());
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    lastId += 1;
    const { value, transfer } = packRequest({ id: lastId, request });
    worker.postMessage(value, transfer);
    waiting.set(lastId, { resolve, reject });
    return promise;
  }

  return {
    ready: firstReady.promise,
    send,
    async sendBehind(request) {
      await whenIdle();
      return send(request);
    },
    outstanding: () => waiting.size,
    openCount: () => Atomics.load(counts, counters.opened) - Atomics.load(counts, counters.closed),
    openedTotal: () => Atomics.load(counts, counters.opened),
    replicaCount: () => Atomics.load(counts, counters.replicas),
    async close() {
      isClosing = true;
      clearTimeout(restart);
      const closing = worker;
      if (closing === undefined) return;
      Atomics.store(counts, counters.stopping, 1);
      const deadline = setTimeout(() => void closing.terminate(), closeWithinMs);
      // The worker answers in order: when it answers this, it has answered all that came before.
      await send({ kind: 'close' }).catch((error: unknown) =>
        log.error({ err: error }, 'a vault worker ended before it had closed its vaults'),
      );
      await ended.promise;
      clearTimeout(deadline);
    },
  };
}

function packRequest({ id, request }: Envelope): { value: Envelope; transfer: ArrayBuffer[] } {
  if (request.kind !== 'call') return { value: { id, request }, transfer: [] };
  const { value, transfer } = packValue(request.input);
  return { value: { id, request: { ...request, input: value } }, transfer };
}

const lost = () =>
  vaultUnavailable({
    detail: 'The call was lost on its way. It is safe to repeat.',
    headers: { 'Retry-After': '1' },
  });
