import { expect, test } from 'vitest';
import { uuidV7 } from './uuid.ts';

test('agrees with the example of RFC 9562, appendix A.6', () => {
  const random = Uint8Array.from([0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f]);
  expect(uuidV7(0x017f_22e2_79b0, random)).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f');
});

test('sets version and variant whatever the random bits are', () => {
  expect(uuidV7(0, new Uint8Array(10))).toBe('00000000-0000-7000-8000-000000000000');
  expect(uuidV7(0, new Uint8Array(10).fill(0xff))).toBe('00000000-0000-7fff-bfff-ffffffffffff');
});

test('sorts by time', () => {
  const last = uuidV7(1_000, new Uint8Array(10).fill(0xff));
  expect(last < uuidV7(1_001, new Uint8Array(10))).toBe(true);
});
