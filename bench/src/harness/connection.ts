/**
 * HTTP/1.1 over one connection, for requests that are bytes already and answers with a Content-Length. It parses next
 * to nothing: what the driver of a load costs, the server it shares the machine with seems to cost.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface Connection {
  /** Sends a request and waits for its answer. The bytes of the answer are good until the next request. */
  send(request: Uint8Array): Promise<HttpAnswer>;
  close(): void;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: Buffer;
}

export async function openConnection(url: string): Promise<Connection> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  const answers = readAnswers(socket);
  return {
    send(request) {
      const answer = answers.next();
      socket.write(request);
      return answer;
    },
    close: () => void socket.destroy(),
  };
}

const headEnd = Buffer.from('\r\n\r\n');

function readAnswers(socket: Socket) {
  let received = Buffer.allocUnsafe(256 * 1024);
  let length = 0;
  let expected: { status: number; bodyAt: number; end: number } | undefined;
  let waiting: PromiseWithResolvers<HttpAnswer> | undefined;

  function append(chunk: Buffer): void {
    if (length + chunk.length > received.length)
      received = Buffer.concat([received.subarray(0, length)], 2 * (length + chunk.length));
    chunk.copy(received, length);
    length += chunk.length;
  }

  function readHead(): typeof expected {
    const at = received.subarray(0, length).indexOf(headEnd);
    if (at < 0) return undefined;
    const head = received.toString('latin1', 0, at);
    const bodyLength = /^content-length: (\d+)/im.exec(head)?.[1];
    if (bodyLength === undefined) throw new Error(`an answer without Content-Length:\n${head}`);
    const bodyAt = at + headEnd.length;
    return { status: Number(head.slice(9, 12)), bodyAt, end: bodyAt + Number(bodyLength) };
  }

  socket.on('data', (chunk) => {
    append(chunk);
    expected ??= readHead();
    if (expected === undefined || length < expected.end) return;
    const { status, bodyAt, end } = expected;
    expected = undefined;
    length = 0;
    waiting?.resolve({ status, body: received.subarray(bodyAt, end) });
  });
  socket.on('error', (error) => waiting?.reject(error));
  socket.on('close', () => waiting?.reject(new Error('the server closed the connection')));
  return {
    next(): Promise<HttpAnswer> {
      waiting = Promise.withResolvers();
      return waiting.promise;
    },
  };
}

/** The bytes of a request, ready to be sent. */
export function requestBytes(
  method: 'GET' | 'POST',
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: Uint8Array,
): Buffer {
  const all = { host: 'localhost', ...headers };
  const lengths =
    body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length };
  const lines = Object.entries({ ...all, ...lengths }).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
  return body === undefined ? head : Buffer.concat([head, body]);
}
