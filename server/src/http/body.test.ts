import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { BodyBrokenOff, readBody } from './body.ts';

const arriving = (chunks: readonly Uint8Array[], headers: object = {}) =>
  Object.assign(Readable.from(chunks), { headers }) as unknown as IncomingMessage;
const chunksOf = (...texts: string[]) =>
  texts.map((text) => Buffer.from(new TextEncoder().encode(text).buffer));

test('what a body arrived in is given back at once, not when the collector comes by', async () => {
  const chunks = chunksOf('{"a":', '1}');
  const body = await readBody(arriving(chunks), 100);
  expect(body.toString()).toBe('{"a":1}');
  expect(chunks.map(({ buffer }) => buffer.byteLength)).toEqual([0, 0]);
});

test('a body is cut at the limit, and what had arrived of it is given back', async () => {
  const chunks = chunksOf('12345', '67890');
  await expect(readBody(arriving(chunks), 9)).rejects.toMatchObject({ code: 'request.body_too_large' });
  expect(chunks[0]?.buffer.byteLength).toBe(0);
  expect((await readBody(arriving(chunksOf('12345', '67890')), 10)).toString()).toBe('1234567890');
});

test('a body that says that it is too long is refused at once, and flows past', async () => {
  const chunks = chunksOf('12345', '67890');
  const body = arriving(chunks, { 'content-length': '10' });
  const refused = readBody(body, 9);
  await expect(refused).rejects.toMatchObject({ code: 'request.body_too_large' });
  await once(body, 'end');
  expect(chunks[0]?.toString()).toBe('12345');
});

test('a body that breaks off is told from one that is wrong', async () => {
  const body = arriving(chunksOf('12345'));
  const read = readBody(body, 9);
  body.destroy(new Error('aborted'));
  await expect(read).rejects.toBeInstanceOf(BodyBrokenOff);
});
