/** Whoever reads slowly, or not at all, is asked to take no more than fits on the way, and is cut in the end. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import websocket from '@fastify/websocket';
import Fastify from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../platform/telemetry/index.ts';
import type { StreamEvent } from '../route.ts';
import { sendEventStream } from './event-stream.ts';
import { createOpenStreams } from './open-streams.ts';
import { sendOverSocket } from './web-socket.ts';

const actor = {
  kind: 'account',
  accountId: 'ada',
  sessionId: 'session',
  deviceId: 'laptop',
  workspaceId: 'hers',
  tokenExpiresAtMs: Date.now() + 3_600_000,
} as const;
const eventBytes = 64 * 1024;

/** A service with one stream, whose source has always something to say, and counts how often it was asked. */
async function startEndless() {
  const app = Fastify();
  const openStreams = createOpenStreams({
    limits: { streamsMax: 10, perAccountMax: 10 },
    sessions: { requireLive: async () => undefined, onEnded: () => undefined, onGap: () => undefined },
    clock: { now: Date.now },
    log: createLogger({ level: 'silent' }),
  });
  onTestFinished(async () => {
    openStreams[Symbol.dispose]();
    await openStreams.drain();
    await app.close();
  });
  let asked = 0;
  async function* talk(): AsyncGenerator<StreamEvent> {
    for (;;) {
      asked += 1;
      yield { event: 'changed', data: { filler: 'x'.repeat(eventBytes) } };
    }
  }
  const begin = () => ({
    stream: openStreams.open(actor),
    heartbeatMs: 200,
    onFailure: (error: unknown) => expect.unreachable(String(error)),
  });
  await app.register(websocket);
  app.route({
    method: 'GET',
    url: '/',
    handler: (_request, reply) => sendEventStream(reply, talk(), begin()),
    wsHandler: (socket) => sendOverSocket(socket, talk(), begin()),
  });
  const { port } = new URL(await app.listen({ port: 0, host: '127.0.0.1' }));
  return { port: Number(port), asked: () => asked, open: () => openStreams.count() };
}

const upgrade =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n`;

async function ask(port: number, headers: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined);
  socket.write(`GET / HTTP/1.1\r\nHost: here\r\n${headers}\r\n`);
  await once(socket, 'readable');
  return socket;
}

test.each([
  ['server-sent events', ''],
  ['a WebSocket', upgrade],
])('%s', async (_name, headers) => {
  const { port, asked, open } = await startEndless();
  await ask(port, headers);
  expect(open()).toBe(1);
  await expect.poll(open, { timeout: 10_000 }).toBe(0);
  // What two sockets of this machine hold between them is some megabytes.
  expect(asked() * eventBytes).toBeLessThan(32 * 2 ** 20);
});
