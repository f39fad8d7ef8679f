import { expect, test } from 'vitest';
import { formatHybridTime, parseHybridTime } from './hybrid-time.ts';

test('reads what it writes', () => {
  const atMs = Date.UTC(2028, 1, 29, 23, 59, 59, 999);
  expect(parseHybridTime(formatHybridTime(atMs, 0xabc))).toEqual({ atMs, counter: 0xabc });
});

test.each([
  '2026-02-29T00:00:00.000Z-0000',
  '2026-02-31T00:00:00.000Z-0000',
  '2026-04-31T00:00:00.000Z-0000',
  '2026-13-01T00:00:00.000Z-0000',
  '2026-00-01T00:00:00.000Z-0000',
  '2026-01-00T00:00:00.000Z-0000',
  '2026-01-01T24:00:00.000Z-0000',
  '2026-01-31T24:00:00.000Z-0000',
  '2026-01-01T00:60:00.000Z-0000',
  '2026-01-01T00:00:60.000Z-0000',
  '2026-01-01T00:00:00.000Z',
  '2026-01-01T00:00:00.000Z-00AB',
])('%s is none', (text) => {
  expect(parseHybridTime(text)).toBeUndefined();
});
