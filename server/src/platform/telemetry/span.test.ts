import { expect, test } from 'vitest';
import { withSpan } from './index.ts';

test('a span gives back what the work gave', async () => {
  expect(await withSpan('sync.push', async () => 42, { changes: 3 })).toBe(42);
});

test('a span lets the error of the work through', async () => {
  const failed = withSpan('sync.push', () => Promise.reject(new RangeError('too many')));
  await expect(failed).rejects.toThrow(RangeError);
});
