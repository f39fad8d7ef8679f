/** Requests as bytes, for what no client library would send. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Sends the text as it is and answers everything that comes until the server closes the connection. */
export async function exchange(url: string, text: string): Promise<string> {
  const { socket, received } = await open(url);
  socket.write(text, 'latin1');
  return received;
}

export async function open(url: string): Promise<{ socket: Socket; received: Promise<string> }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const received = readToEnd(socket);
  await once(socket, 'connect');
  return { socket, received };
}

async function readToEnd(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk;
  });
  socket.on('error', () => undefined);
  await once(socket, 'close');
  return text;
}

/** How many answers there are in what came. */
export const countAnswers = (received: string): number => received.split(/^HTTP\/1\.1 /m).length - 1;

export const lines = (...parts: string[]): string => parts.join('\r\n');
