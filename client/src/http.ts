/** Requests to one server: deadlines, problems as errors, and repetition that never acts twice. */
import { aborted, backoffMs, isTransient, wait } from './backoff.ts';
import { AlcoveError } from './errors.ts';
import { type Guard, isProblem } from './wire.ts';

const policy = { baseMs: 250, capMs: 8000 };
const attemptsMax = 4;
/** A server that wants to be left alone for longer is left alone: the caller gets the error with `retryAfterMs`. */
const retryAfterMaxMs = 15_000;

export interface HttpRequest<T> {
  readonly method: Method;
  /** From the root, with its query. */
  readonly path: string;
  readonly answer: Guard<T>;
  readonly body?: unknown;
  readonly token?: string;
  /** The workspace to act in, where that is not the caller's own. */
  readonly workspaceId?: string | undefined;
  /** Made here, where none is given, for every request that changes something. */
  readonly idempotencyKey?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Needs no key, for doing it twice is by its nature the same as doing it once. */
  readonly isRepeatable?: true;
  /** Told when the answer is the one that an earlier request with this key has got. */
  readonly onReplay?: () => void;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Http {
  request<T>(request: HttpRequest<T>): Promise<T>;
}

/** What a request looks like just before it leaves. */
export interface OutgoingRequest {
  readonly method: Method;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export interface HttpOptions {
  readonly url: string;
  readonly fetch: typeof fetch;
  readonly timeoutMs: number;
  readonly random: () => number;
  readonly closed: AbortSignal;
  /** Adds the headers of a signature, to each try anew. */
  readonly sign?: ((request: OutgoingRequest) => Promise<Record<string, string>>) | undefined;
}

export function createHttp(options: HttpOptions): Http {
  const base = options.url.replace(/\/+$/, '');
  return {
    async request(unkeyed) {
      const request = withIdempotencyKey(unkeyed);
      for (let attempt = 0; ; attempt += 1) {
        try {
          return await send(base, request, options);
        } catch (error) {
          if (!isWorthRepeating(error, attempt)) throw error;
          const delayMs = backoffMs(attempt, options.random, policy, error.retryAfterMs);
          await wait(delayMs, callerSignal(request, options));
        }
      }
    },
  };
}

/** With one key over all tries the server acts once and answers each of them the same. */
function withIdempotencyKey<T>(request: HttpRequest<T>): HttpRequest<T> {
  const { method, isRepeatable = false, idempotencyKey } = request;
  if (method === 'GET' || isRepeatable || idempotencyKey !== undefined) return request;
  return { ...request, idempotencyKey: crypto.randomUUID() };
}

function isWorthRepeating(error: unknown, attempt: number): error is AlcoveError {
  if (attempt + 1 >= attemptsMax || !isTransient(error)) return false;
  return (error.retryAfterMs ?? 0) <= retryAfterMaxMs;
}

async function send<T>(base: string, request: HttpRequest<T>, options: HttpOptions): Promise<T> {
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const caller = callerSignal(request, options);
  if (caller.aborted) throw aborted(caller.reason);
  const { response, value } = await exchange(
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
  if (!response.ok) throw problemToError(response, value);
  if (!request.answer(value)) throw misunderstood(request, response);
  if (response.headers.get('Idempotency-Replayed') === 'true') request.onReplay?.();
  return value;
}

async function exchange<T>(
  base: string,
  request: HttpRequest<T>,
  options: HttpOptions,
  signal: AbortSignal,
): Promise<{ response: Response; value: unknown }> {
  const outgoing = {
    method: request.method,
    url: `${base}${request.path}`,
    headers: headersOf(request),
    body: request.body === undefined ? undefined : JSON.stringify(request.body),
  };
  const signature = (await options.sign?.(outgoing)) ?? {};
  const response = await options.fetch(outgoing.url, {
    method: outgoing.method,
    headers: { ...outgoing.headers, ...signature },
    signal,
    redirect: 'error',
    ...(outgoing.body === undefined ? {} : { body: outgoing.body }),
  });
  return { response, value: await readBody(response) };
}

/** JSON as the value it says, an archive as a Blob, nothing as `undefined`. A page of a proxy is none of them. */
async function readBody(response: Response): Promise<unknown> {
  const type = response.headers.get('Content-Type') ?? '';
  if (response.ok && type.startsWith('application/zip')) return response.blob();
  return parseJson(await response.text());
}

function headersOf(request: HttpRequest<unknown>): Record<string, string> {
  const { body, token, workspaceId, idempotencyKey } = request;
  return {
    Accept: 'application/json, application/zip',
    ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    ...(workspaceId === undefined ? {} : { 'Alcove-Workspace': workspaceId }),
    ...(idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey }),
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
  const { code, detail, title, requestId: id, errors, type: _type, status: _status, ...extensions } = value;
  return new AlcoveError(code, detail || title, { status, requestId: id, retryAfterMs, errors, extensions });
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
