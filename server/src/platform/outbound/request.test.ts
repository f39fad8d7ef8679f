import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { OutboundError, request } from './index.ts';

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? `http://127.0.0.1:${address.port}` : '';
}

const limits = { deadlineMs: 5000, responseBytesMax: 1000 };

async function reasonOf(asked: Promise<unknown>): Promise<string> {
  const error = await asked.then(
    () => new Error('an answer came'),
    (thrown: unknown) => thrown,
  );
  return error instanceof OutboundError ? error.reason : String(error);
}

test('the answer comes with status, headers and body', async () => {
  const address = await serve(async (asked, reply) => {
    const [body] = await asked.toArray();
    reply.writeHead(201, { 'x-kind': String(asked.headers['x-ask']) }).end(`${asked.method} ${body}`);
  });
  const answer = await request(address, {
    ...limits,
    method: 'POST',
    headers: { 'x-ask': 'echo' },
    body: 'hello',
  });
  expect([answer.status, answer.headers.get('x-kind'), String(answer.body)]).toEqual([
    201,
    'echo',
    'POST hello',
  ]);
});

test.each<[string, RequestListener]>([
  ['never answers', () => undefined],
  ['stops in the middle of its answer', (_, reply) => void reply.write('half')],
  ['sends a byte now and then', (_, reply) => void setInterval(() => reply.write('.'), 20).unref()],
])('a server that %s is left at the deadline', async (_, listener) => {
  const address = await serve(listener);
  const startedMs = performance.now();
  expect(await reasonOf(request(address, { ...limits, deadlineMs: 150 }))).toBe('deadline');
  expect(performance.now() - startedMs).toBeLessThan(2000);
});

test('when the asker leaves, the connection is closed', async () => {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const address = await serve((_, reply) => void reply.on('close', resolve));
  const asker = new AbortController();
  const asked = reasonOf(request(address, { ...limits, signal: asker.signal }));
  await sleep(50);
  asker.abort();
  expect(await asked).toBe('cancelled');
  await closed;
});

test('an endless answer is cut at the limit', async () => {
  const address = await serve((_, reply) => {
    const timer = setInterval(() => reply.write(Buffer.alloc(400)), 1);
    reply.on('close', () => clearInterval(timer));
  });
  expect(await reasonOf(request(address, limits))).toBe('too_large');
});

test('a redirect is an answer and is not followed', async () => {
  let asked = 0;
  const address = await serve((_, reply) => {
    asked += 1;
    reply.writeHead(302, { location: '/elsewhere' }).end();
  });
  expect((await request(address, limits)).status).toBe(302);
  expect(asked).toBe(1);
});

test.each(['file:///etc/passwd', 'ftp://example.com', 'data:text/plain,x', 'example.com', ''])(
  'the address %j is not asked',
  async (address) => {
    expect(await reasonOf(request(address, limits))).toBe('bad_address');
  },
);

test('a failure names the host, not the path and query, where keys travel', async () => {
  const failed = request('http://127.0.0.1:1/path?key=hunter2', limits);
  expect(await reasonOf(failed)).toBe('unreachable');
  await expect(failed).rejects.toThrow('127.0.0.1:1 could not be asked');
  await expect(failed).rejects.not.toThrow('hunter2');
});
