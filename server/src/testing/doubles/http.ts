import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';

export interface HttpDouble extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string;
}

export interface DoubleAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

type Answer = (request: IncomingMessage, url: URL) => Promise<DoubleAnswer | undefined>;

/** A server of somebody else. Without an answer the request hangs. */
export async function startHttpDouble(answer: Answer): Promise<HttpDouble> {
  const server = createServer(async (request, reply) => {
    const answered = await answer(request, new URL(request.url ?? '/', 'http://double'));
    if (answered !== undefined) reply.writeHead(answered.status, answered.headers).end(answered.body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

export function json(status: number, body: unknown): DoubleAnswer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: JSON.stringify(body),
  };
}

export function redirect(address: string, query: Readonly<Record<string, string>>): DoubleAnswer {
  const url = new URL(address);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return { status: 302, headers: { location: url.href }, body: '' };
}
