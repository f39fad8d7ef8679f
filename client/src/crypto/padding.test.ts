import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pad, padmeLength, unpad } from './padding.ts';

describe('Padmé lengths', () => {
  // Worked out by hand from the paper: E = floor(log2 L), S = floor(log2 E) + 1, the last E - S bits become zero.
  it.each([
    [0, 0],
    [1, 1],
    [2, 2],
    [8, 8],
    [9, 10],
    [100, 104],
    [129, 144],
    [1000, 1024],
    [1025, 1088],
    [100_000, 100_352],
  ])('%i becomes %i', (length, padded) => {
    expect(padmeLength(length)).toBe(padded);
  });

  it('never shrinks, costs at most 12 %, and is the same for its own result', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 50_000_000 }), (length) => {
        const padded = padmeLength(length);
        expect(padded).toBeGreaterThanOrEqual(length);
        expect(padded).toBeLessThanOrEqual(length * 1.12 + 1);
        expect(padmeLength(padded)).toBe(padded);
      }),
    );
  });
});

describe('padding', () => {
  it('gives back exactly what went in, also nothing at all', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        expect(unpad(pad(bytes))).toEqual(bytes);
      }),
    );
  });

  it.each([
    ['too short for a length', [0, 0, 0]],
    ['a length beyond the end', [0, 0, 0, 9, 1, 2]],
    ['a byte that is not zero behind the text', [0, 0, 0, 5, 1, 2, 3, 4, 5, 7]],
    ['more zeros than Padmé gives', [0, 0, 0, 1, 1, 0, 0, 0]],
  ])('refuses %s', (_case, bytes) => {
    expect(unpad(new Uint8Array(bytes))).toBeUndefined();
  });
});
