/** What stands between two machines: it hands everything on, and can be told to lose or hold back what it carries. */
import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FlakyProxy extends AsyncDisposable {
  readonly url: string;
  /** How many requests came so far. */
  readonly seen: number;
  /** Which host the last one asked for. */
  readonly lastHost: string;
  /** What becomes of the requests that these words are in, from now on; undefined heals it. */
  misbehave(fault: ProxyFault | undefined): void;
  /** Resolves when the next request comes that it misbehaves with. */
  seenConcerned(): Promise<void>;
}

export interface ProxyFault {
  /** In the body of the request or in its Host header. */
  readonly concerning: string;
  /**
   * `lose-request`: it never arrives. `lose-answer`: it is done, and nobody hears of it. `hang`: neither ever ends.
   * `until`: it arrives only then.
   */
  readonly how:
    | 'lose-request'
    | 'lose-answer'
    | 'hang'
    | { readonly status: number }
    | { readonly until: Promise<unknown> };
}

/** What makes it a machine of its own instead of a mere line. */
export interface Disguise {
  /** The host that the target is asked for, whatever the request says. */
  readonly host: string;
  /** Whoever is not admitted is answered 401. */
  readonly admits: (headers: IncomingHttpHeaders) => boolean;
  /** Until then everybody is answered 404. */
  readonly isBorn: () => boolean;
}

export async function startFlakyProxy(target: string, disguise?: Disguise): Promise<FlakyProxy> {
  let seen = 0;
  let lastHost = '';
  let fault: ProxyFault | undefined;
  let met = Promise.withResolvers<void>();

  const server = createServer(async (incoming, outgoing) => {
    seen += 1;
    const body = await readAll(incoming);
    lastHost = incoming.headers.host ?? '';
    const concerned =
      fault !== undefined && `${lastHost}\n${body}`.includes(fault.concerning) ? fault.how : undefined;
    if (concerned !== undefined) met.resolve();
    if (concerned === 'hang') return;
    if (concerned === 'lose-request') return void outgoing.destroy();
    if (typeof concerned === 'object' && 'status' in concerned)
      return void outgoing.writeHead(concerned.status).end();
    if (typeof concerned === 'object') await concerned.until;
    if (disguise?.isBorn() === false) return void outgoing.writeHead(404).end();
    if (disguise?.admits(incoming.headers) === false) return void outgoing.writeHead(401).end();
    const headers = { ...incoming.headers, ...(disguise && { host: disguise.host }) };
    const answer = await forward(target, { method: incoming.method, url: incoming.url, headers }, body);
    if (concerned === 'lose-answer') return void outgoing.destroy();
    await answerWith(outgoing, answer);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get seen() {
      return seen;
    },
    get lastHost() {
      return lastHost;
    },
    misbehave(next) {
      fault = next;
    },
    seenConcerned() {
      met = Promise.withResolvers<void>();
      return met.promise;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function forward(
  target: string,
  { method, url = '/', headers }: Pick<IncomingMessage, 'method' | 'url' | 'headers'>,
  body: Buffer,
): Promise<IncomingMessage | undefined> {
  const { promise, resolve } = Promise.withResolvers<IncomingMessage | undefined>();
  const outgoing = request(new URL(url, target), { method, headers }, resolve);
  outgoing.on('error', () => resolve(undefined));
  outgoing.end(body);
  return promise;
}

async function answerWith(outgoing: ServerResponse, answer: IncomingMessage | undefined): Promise<void> {
  if (answer === undefined) return void outgoing.destroy();
  const { connection: _hop, 'transfer-encoding': _framing, ...headers } = answer.headers;
  outgoing.writeHead(answer.statusCode ?? 502, headers);
  outgoing.end(await readAll(answer));
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
}
