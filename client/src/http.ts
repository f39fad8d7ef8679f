/** Requests to one server: deadlines, problems as errors, and repetition only where it changes nothing. */
import { aborted, backoffMs, isTransient, wait } from './backoff.ts';
import { AlcoveError } from './errors.ts';
import { type Guard, isProblem } from './wire.ts';

const policy = { baseMs: 250, capMs: 8000 };
const attemptsMax = 4;
/** A server that wants to be left alone for longer is left alone: the caller gets the error with `retryAfterMs`. */
const retryAfterMaxMs = 15_000;

export interface HttpRequest<T> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly answer: Guard<T>;
  readonly body?: unknown;
  readonly token?: string;
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal | undefined;
  /** True when doing it twice is the same as doing it once. */
  readonly isRepeatable: boolean;
}

export interface Http {
  request<T>(request: HttpRequest<T>): Promise<T>;
}

export interface HttpOptions {
  readonly url: string;
  readonly fetch: typeof fetch;
  readonly timeoutMs: number;
  readonly random: () => number;
  readonly closed: AbortSignal;
}

export function createHttp(options: HttpOptions): Http {
  const base = `${options.url.replace(/\/+$/, '')}/api/v1`;
  return {
    async request(request) {
      for (let attempt = 0; ; attempt += 1) {
        try {
          return await send(base, request, options);
        } catch (error) {
          if (!isWorthRepeating(request, error, attempt)) throw error;
          const delayMs = backoffMs(attempt, options.random, policy, error.retryAfterMs);
          await wait(delayMs, callerSignal(request, options));
        }
      }
    },
  };
}

function isWorthRepeating(
  request: HttpRequest<unknown>,
  error: unknown,
  attempt: number,
): error is AlcoveError {
  if (!request.isRepeatable || attempt + 1 >= attemptsMax || !isTransient(error)) return false;
  return (error.retryAfterMs ?? 0) <= retryAfterMaxMs;
}

async function send<T>(base: string, request: HttpRequest<T>, options: HttpOptions): Promise<T> {
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const caller = callerSignal(request, options);
  if (caller.aborted) throw aborted(caller.reason);
  const { response, text } = await exchange(
    base,
    request,
    options,
    AbortSignal.any([deadline, caller]),
  ).catch((cause) => {
    if (caller.aborted) throw aborted(cause);
    const what = `${request.method} ${base}${request.path}`;
    if (deadline.aborted) {
      throw new AlcoveError('timeout', `${what} had no whole answer after ${options.timeoutMs} ms.`, {
        cause,
      });
    }
    throw new AlcoveError('network', `${what} had no whole answer: ${reasonOf(cause)}.`, { cause });
  });
  const value = parseJson(text);
  if (!response.ok) throw problemToError(response, value);
  if (!request.answer(value)) throw misunderstood(request, response);
  return value;
}

async function exchange<T>(
  base: string,
  request: HttpRequest<T>,
  options: HttpOptions,
  signal: AbortSignal,
): Promise<{ response: Response; text: string }> {
  const response = await options.fetch(`${base}${request.path}`, {
    method: request.method,
    headers: headersOf(request),
    signal,
    redirect: 'error',
    ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
  });
  return { response, text: await response.text() };
}

function headersOf(request: HttpRequest<unknown>): Record<string, string> {
  return {
    Accept: 'application/json',
    ...(request.body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...(request.token === undefined ? {} : { Authorization: `Bearer ${request.token}` }),
    ...(request.idempotencyKey === undefined ? {} : { 'Idempotency-Key': request.idempotencyKey }),
  };
}

function callerSignal(request: HttpRequest<unknown>, { closed }: HttpOptions): AbortSignal {
  return request.signal === undefined ? closed : AbortSignal.any([request.signal, closed]);
}

function parseJson(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function problemToError(response: Response, value: unknown): AlcoveError {
  const { status } = response;
  const requestId = response.headers.get('X-Request-Id') ?? undefined;
  const retryAfterMs = parseRetryAfter(response.headers.get('Retry-After'), Date.now());
  if (!isProblem(value)) {
    return new AlcoveError(`http.${status}`, `The server answered ${status}.`, {
      status,
      requestId,
      retryAfterMs,
    });
  }
  return new AlcoveError(value.code, value.detail || value.title, {
    status,
    requestId: value.requestId,
    retryAfterMs,
    errors: value.errors,
  });
}

/** RFC 9110, section 10.2.3: seconds or a date. */
export function parseRetryAfter(text: string | null, nowMs: number): number | undefined {
  if (text === null) return undefined;
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
}

function misunderstood(request: HttpRequest<unknown>, response: Response): AlcoveError {
  return new AlcoveError(
    'protocol',
    `${request.method} ${request.path} was answered with something else than the contract says. Is ${response.url} an Alcove server of this version?`,
    { status: response.status, requestId: response.headers.get('X-Request-Id') ?? undefined },
  );
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? cause.cause.message : cause.message;
}
