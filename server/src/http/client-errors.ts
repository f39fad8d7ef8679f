/** What the parser refuses never becomes a request of ours, so it is answered on the bare socket, which is then closed. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

export function answerClientError({ code = '' }: { readonly code?: string }, socket: Socket): void {
  // Whoever has left, or has half of an answer already, can be told nothing.
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const status = statuses[code] ?? 400;
  const title = STATUS_CODES[status] ?? '';
  const body = JSON.stringify({ type: 'about:blank', title, status, code: 'request.malformed' });
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  );
}

const statuses: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
};
