/** Why a request to another machine brought no answer. */
export type OutboundReason = 'deadline' | 'cancelled' | 'unreachable' | 'too_large' | 'bad_address';

export class OutboundError extends Error {
  override readonly name = 'OutboundError';
  readonly reason: OutboundReason;

  constructor(reason: OutboundReason, message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
  }
}

export interface OutboundRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
  /** For everything together: name look-up, connection, and the last byte of the answer. */
  readonly deadlineMs: number;
  readonly responseBytesMax: number;
  /** Of whoever asked: when they leave, the request ends. */
  readonly signal?: AbortSignal;
}

export interface OutboundResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/**
 * Asks another machine over http or https and reads its whole answer. Every status is an answer, also a redirect:
 * it is not followed, because its target has not been judged. Without an answer it throws an `OutboundError`,
 * whose text names the host only: paths and queries carry keys.
 */
export async function request(address: string, options: OutboundRequest): Promise<OutboundResponse> {
  const url = parseAddress(address);
  const deadline = AbortSignal.timeout(options.deadlineMs);
  const signal = options.signal === undefined ? deadline : AbortSignal.any([deadline, options.signal]);
  try {
    const response = await fetch(url, { ...initOf(options), signal });
    const body = await readBody(response, options.responseBytesMax, url.host);
    return { status: response.status, headers: response.headers, body };
  } catch (error) {
    throw explain(error, url.host, options, deadline);
  }
}

function parseAddress(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new OutboundError('bad_address', 'only http and https addresses can be asked');
}

function initOf({ method = 'GET', headers, body }: OutboundRequest): RequestInit {
  return {
    method,
    redirect: 'manual',
    ...(headers === undefined ? {} : { headers: { ...headers } }),
    ...(body === undefined ? {} : { body }),
  };
}

async function readBody(response: Response, sizeBytesMax: number, host: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.byteLength;
    // Throwing out of the loop cancels the stream and closes the connection.
    if (sizeBytes > sizeBytesMax)
      throw new OutboundError('too_large', `${host} sent more than ${sizeBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function explain(
  error: unknown,
  host: string,
  options: OutboundRequest,
  deadline: AbortSignal,
): OutboundError {
  if (error instanceof OutboundError) return error;
  if (options.signal?.aborted)
    return new OutboundError('cancelled', `the request to ${host} was cancelled`, error);
  if (deadline.aborted) {
    return new OutboundError('deadline', `${host} did not answer within ${options.deadlineMs} ms`, error);
  }
  return new OutboundError('unreachable', `${host} could not be asked`, error);
}
