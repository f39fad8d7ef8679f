/** A mail server as far as one letter needs it (RFC 5321), which can refuse on demand. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

export interface MailServerDouble extends AsyncDisposable {
  /** As SMTP_URL. */
  readonly url: string;
  /** What was taken, each as it came over the wire. */
  readonly letters: readonly string[];
  /** `refuses`: answers 550 to every recipient. */
  mood: 'takes' | 'refuses';
}

export async function startMailServer(): Promise<MailServerDouble> {
  const letters: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    talk(socket, () => double.mood, letters);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const double: MailServerDouble = {
    url: `smtp://127.0.0.1:${port}`,
    letters,
    mood: 'takes',
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
  return double;
}

function talk(socket: Socket, mood: () => MailServerDouble['mood'], letters: string[]): void {
  let letter: string[] | undefined;
  const say = (line: string) => void socket.write(`${line}\r\n`);
  say('220 double ready');
  createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
    if (letter === undefined) {
      if (/^DATA/i.test(line)) letter = [];
      say(replyTo(line, mood()));
    } else if (line === '.') {
      letters.push(letter.join('\n'));
      letter = undefined;
      say('250 taken');
    } else letter.push(line);
  });
}

function replyTo(line: string, mood: MailServerDouble['mood']): string {
  if (/^DATA/i.test(line)) return '354 go on';
  if (/^QUIT/i.test(line)) return '221 bye';
  if (/^RCPT/i.test(line) && mood === 'refuses') return `550 nobody here is ${line.slice(8)}`;
  return '250 ok';
}
