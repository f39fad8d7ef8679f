/** What every client has, whoever it calls as: the way to one server, and an end. */
import { AlcoveError } from './errors.ts';
import { createHttp, type Http, type HttpOptions } from './http.ts';

const timeoutMsDefault = 30_000;

/** Where the server is, and what may stand in for the clock, the network and chance. */
export interface ConnectionOptions {
  /** Where the server is, for example `https://alcove.example`. */
  readonly url: string;
  /** Stands in for the global `fetch`. */
  readonly fetch?: typeof fetch;
  /** Stands in for the global `WebSocket`, through which news of other devices come. */
  readonly webSocket?: typeof WebSocket;
  /** How long one request may take as a whole, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number;
  /** Milliseconds since 1970, in place of `Date.now`. */
  readonly now?: () => number;
  /** Numbers from 0 to 1 for the jitter of pauses, in place of `Math.random`. Keys and nonces never come from it. */
  readonly random?: () => number;
}

export interface Connection {
  readonly http: Http;
  readonly url: string;
  readonly now: () => number;
  readonly random: () => number;
  /** Aborting it ends every request. */
  readonly closing: AbortController;
}

/** Throws `invalid_argument` for a URL that is none. */
export function connect(options: ConnectionOptions, sign?: HttpOptions['sign']): Connection {
  const url = requireUrl(options.url);
  const { now = Date.now, random = Math.random, timeoutMs = timeoutMsDefault } = options;
  const send = options.fetch ?? ((...args: Parameters<typeof fetch>) => fetch(...args));
  const closing = new AbortController();
  const http = createHttp({ url, fetch: send, timeoutMs, random, closed: closing.signal, sign });
  return { http, url, now, random, closing };
}

function requireUrl(text: string): string {
  const url = URL.parse(text);
  if (url !== null && ['http:', 'https:'].includes(url.protocol)) return text;
  throw new AlcoveError(
    'invalid_argument',
    `url is the http(s) address of a server; ${JSON.stringify(text)} came.`,
  );
}
