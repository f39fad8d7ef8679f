/** What the pool and its workers say to each other. */
import { Failure } from '../errors/index.ts';

export interface WorkerOptions {
  readonly directory: string;
  readonly program: string;
  readonly migrations: string;
  readonly openMax: number;
  readonly idleCloseMs: number;
  /** Three counters that the worker writes and the pool reads: see `counters`. */
  readonly counters: SharedArrayBuffer;
}

/** Indexes into the shared counters. */
export const counters = { opened: 0, closed: 1, size: 2 } as const;

export type Request =
  | {
      readonly kind: 'call';
      readonly vault: string;
      readonly operation: string;
      readonly input: unknown;
      readonly create: boolean;
    }
  | { readonly kind: 'remove'; readonly vault: string }
  | { readonly kind: 'probe' }
  | { readonly kind: 'close' };

export interface Envelope {
  readonly id: number;
  readonly request: Request;
}

/** An error as it can be cloned: a `Failure` keeps what a caller may hear, a defect its stack for the log. */
export type Thrown =
  | {
      readonly kind: 'failure';
      readonly code: string;
      readonly status: number;
      readonly title: string;
      readonly detail: string;
      readonly extensions: Readonly<Record<string, unknown>>;
      readonly headers: Readonly<Record<string, string>>;
      readonly cause: Thrown | undefined;
    }
  | {
      readonly kind: 'defect';
      readonly name: string;
      readonly message: string;
      readonly stack: string | undefined;
    };

export type Reply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly id: number; readonly output: unknown }
  | { readonly kind: 'thrown'; readonly id: number; readonly thrown: Thrown };

export function packError(error: unknown): Thrown {
  if (error instanceof Failure) {
    const { code, status, title, message, extensions, headers, cause } = error;
    const packedCause = cause === undefined ? undefined : packError(cause);
    return { kind: 'failure', code, status, title, detail: message, extensions, headers, cause: packedCause };
  }
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  return { kind: 'defect', name, message, stack };
}

export function unpackError(thrown: Thrown): Error {
  if (thrown.kind === 'failure') {
    const { code, status, title, detail, extensions, headers, cause } = thrown;
    const causeError = cause === undefined ? undefined : unpackError(cause);
    return new Failure(code, status, title, { detail, extensions, headers, cause: causeError });
  }
  const error = new Error(thrown.message);
  error.name = thrown.name;
  if (thrown.stack !== undefined) error.stack = thrown.stack;
  return error;
}

/**
 * Bytes whose memory is theirs alone, so that they can change threads without a copy. Small Buffers share a pool with
 * others: sending one would send the whole pool along.
 */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength) return new Uint8Array(buffer);
  return new Uint8Array(bytes);
}

/** A value as it travels: its own bytes, and of an object each member that is bytes, change hands instead of being copied. */
export function packValue(value: unknown): { value: unknown; transfer: ArrayBuffer[] } {
  if (value instanceof Uint8Array) {
    const bytes = ownBytes(value);
    return { value: bytes, transfer: [bytes.buffer] };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { value, transfer: [] };
  const transfer: ArrayBuffer[] = [];
  const members = Object.entries(value).map(([name, member]) => {
    if (!(member instanceof Uint8Array)) return [name, member];
    const bytes = ownBytes(member);
    transfer.push(bytes.buffer);
    return [name, bytes];
  });
  return { value: Object.fromEntries(members), transfer };
}
