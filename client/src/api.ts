/** Any call of the API, with what it takes and answers known from the server's own description. */
import type { HttpRequest, Method } from './http.ts';
import type { Operations } from './openapi.ts';
import type { Sender } from './session.ts';

type Key = keyof Operations;

/** The paths that take this method, as the API writes them: `/api/v1/workspaces/{workspaceId}`. */
export type ApiPath<M extends Method, K = Key> = K extends `${M} ${infer Path}` ? Path : never;

/** What one call takes and answers. */
export type ApiOperation<M extends Method, P extends ApiPath<M>> = Operations[`${M} ${P}` & Key];

/** What every call may be given beside what its operation takes. */
export interface CallOptions {
  /** The workspace to act in, where that is not the account's personal one or the key's own. */
  readonly workspaceId?: string | undefined;
  /** One's own key for a call that changes something, to repeat it safely after a restart too. */
  readonly idempotencyKey?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** `params`, `query` and `body` of a call, as far as it has them, and the options of every call. */
export type ApiInput<Operation> = Pick<Operation, keyof Operation & ('params' | 'query' | 'body')> &
  CallOptions;

export type ApiAnswer<Operation> = Operation extends { answer: infer Answer } ? Answer : never;

type Optional<Input> = Partial<Input> extends Input ? [input?: Input] : [input: Input];

/** Calls an operation by its method and path. */
export type Api = <M extends Method, P extends ApiPath<M>>(
  method: M,
  path: P,
  ...input: Optional<ApiInput<ApiOperation<M, P>>>
) => Promise<ApiAnswer<ApiOperation<M, P>>>;

/** Every operation's input, seen from where it no longer matters which one it is. */
interface AnyInput extends CallOptions {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

export function createApi(sender: Sender): Api {
  return (method, path, ...[input = {}]) => sender.request(toRequest(method, path, input));
}

/** A page of a list, as every list answers it. */
interface Page<T> {
  readonly data: readonly T[];
  readonly nextCursor: string | null;
}

type FetchPage<T> = (cursor: { cursor?: string }) => Promise<Page<T>>;

/** Everything in a list, as one. For lists that are short by their nature. */
export async function allOf<T>(fetchPage: FetchPage<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of eachOf(fetchPage)) all.push(one);
  return all;
}

/** Everything in a list, page by page as it is asked for. */
export async function* eachOf<T>(fetchPage: FetchPage<T>): AsyncGenerator<T, void> {
  let cursor: string | null = null;
  do {
    const page: Page<T> = await fetchPage(cursor === null ? {} : { cursor });
    yield* page.data;
    cursor = page.nextCursor;
  } while (cursor !== null);
}

function toRequest<T>(method: Method, path: string, input: AnyInput): HttpRequest<T> {
  const { params = {}, query = {}, body, workspaceId, idempotencyKey, signal } = input;
  return {
    method,
    path: fillIn(path, params) + toQuery(query),
    answer: isAsDescribed,
    workspaceId,
    idempotencyKey,
    signal,
    ...(body === undefined ? {} : { body }),
  };
}

function fillIn(path: string, params: Readonly<Record<string, unknown>>): string {
  return path.replaceAll(/\{(\w+)\}/g, (_whole, name) => encodeURIComponent(String(params[name])));
}

function toQuery(query: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  if (given.length === 0) return '';
  return `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

/**
 * The types come from the server's description and the server checks its answers against it, so only what is no answer
 * of an Alcove server at all is refused here: `null` stands for a body that is not JSON.
 */
function isAsDescribed<T>(answer: unknown): answer is T {
  return answer !== null;
}
