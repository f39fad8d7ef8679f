/** Waiting between tries: exponential with full jitter, so that many clients do not come back at the same moment. */
import { AlcoveError } from './errors.ts';

export interface BackoffPolicy {
  readonly baseMs: number;
  readonly capMs: number;
}

/** How long to wait before try number `attempt` (0 for the first repetition). A server's wish is a lower bound. */
export function backoffMs(
  attempt: number,
  random: () => number,
  { baseMs, capMs }: BackoffPolicy,
  retryAfterMs = 0,
): number {
  const ceiling = Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30));
  return retryAfterMs + Math.floor(random() * ceiling);
}

/** How much longer each pause between two questions is than the one before, and what it does not outgrow. */
const pollGrowth = 1.1;
const pollMsMax = 5000;

/** The pause before question number `attempt` (0 for the first repetition) about something a person has to do. */
export function pollPauseMs(attempt: number, pollMs: number, retryAfterMs = 0): number {
  const grown = pollMs * pollGrowth ** Math.min(attempt, 100);
  return Math.max(retryAfterMs, Math.min(grown, Math.max(pollMs, pollMsMax)));
}

/** The first arrival of the same request is still being worked on. */
const requestRunning = 'idempotency.running';

/** True when the same request may well succeed later: nothing answered, too many requests, or a fault over there. */
export function isTransient(error: unknown): error is AlcoveError {
  if (!(error instanceof AlcoveError)) return false;
  if (['network', 'timeout', requestRunning].includes(error.code)) return true;
  return error.status !== undefined && (error.status === 429 || error.status >= 500);
}

/** Waits, or rejects with `aborted` as soon as the signal fires. */
export function wait(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(aborted(signal?.reason));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    if (signal?.aborted) abort();
    else signal?.addEventListener('abort', abort, { once: true });
  });
}

export function aborted(cause: unknown): AlcoveError {
  return new AlcoveError('aborted', 'The call was ended before it was done.', { cause });
}

/** The work, or an end of the waiting for it. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(aborted(signal.reason));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
