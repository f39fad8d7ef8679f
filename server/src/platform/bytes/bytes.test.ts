import { expect, test } from 'vitest';
import { ownBytes, releaseBytes } from './index.ts';

test('bytes that have their memory alone are given on uncopied, others are copied', () => {
  const alone = new Uint8Array(10);
  expect(ownBytes(alone).buffer).toBe(alone.buffer);
  const pooled = Buffer.from('a page');
  expect(ownBytes(pooled).buffer).not.toBe(pooled.buffer);
  expect(Buffer.from(ownBytes(pooled)).toString()).toBe('a page');
});

test('releasing takes the memory of nobody else', () => {
  const neighbour = Buffer.from('of another tenant');
  releaseBytes(Buffer.from('a page'));
  expect(neighbour.toString()).toBe('of another tenant');
  const alone = new Uint8Array(10);
  releaseBytes(alone);
  expect(alone.byteLength).toBe(0);
});
