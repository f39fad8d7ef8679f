import { invalidIdempotencyKey } from './errors.ts';

type Header = string | string[] | undefined;

/**
 * Reads the Idempotency-Key, or its alias. The draft wants the key quoted and nearly everybody sends it bare, so both
 * are the same key.
 */
export function readIdempotencyKey(header: Header, alias: Header): string | undefined {
  const key = readOne(header);
  const aliased = readOne(alias);
  if (key !== undefined && aliased !== undefined && key !== aliased) {
    throw invalidIdempotencyKey('Idempotency-Key and X-Idempotency-Key differ; send one of them.');
  }
  return key ?? aliased;
}

function readOne(header: Header): string | undefined {
  if (header === undefined) return undefined;
  const text = Array.isArray(header) ? header.join(',') : header.trim();
  const key = /^"(.*)"$/.exec(text)?.[1] ?? text;
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
    throw invalidIdempotencyKey('An Idempotency-Key is 1 to 255 visible ASCII characters.');
  }
  return key;
}
