/** What the pool and its workers say to each other. */
import { ownBytes } from '../bytes/index.ts';
import { Failure } from '../errors/index.ts';
import type { RemoteVaultsOptions } from './remote/databases.ts';

/** Where a vault lies: in a file of this machine, or on the machine that holds the remote ones. */
export type VaultHome = 'local' | 'remote';

export interface WorkerOptions {
  readonly directory: string;
  readonly program: string;
  readonly migrations: string;
  readonly openMax: number;
  readonly idleCloseMs: number;
  /** Undefined: vaults lie on this machine only. */
  readonly remote: RemoteVaultsOptions | undefined;
  /** Where replicas of remote vaults lie while they are open. */
  readonly replicas: string;
  /** Numbers that the worker and the pool share: see `counters`. */
  readonly counters: SharedArrayBuffer;
  /** One number that all workers share: how many calls the remote home has failed since it last served one. */
  readonly remoteFailures: SharedArrayBuffer;
}

/**
 * Indexes into the shared numbers. The worker counts what it opened and closed, and its open replicas; the pool sets `stopping`, which so reaches
 * the worker ahead of the calls that wait for it.
 */
export const counters = { opened: 0, closed: 1, stopping: 2, replicas: 3, size: 4 } as const;

/** What is asked of one vault. */
export type VaultRequest = { readonly vault: string; readonly home: VaultHome } & (
  | {
      readonly kind: 'call';
      readonly operation: string;
      readonly input: unknown;
      readonly create: boolean;
    }
  | { readonly kind: 'remove' }
  /** As `call`, without keeping open what was not. */
  | { readonly kind: 'visit'; readonly operation: string; readonly input: unknown }
  /** Brings it to the newest schema. */
  | { readonly kind: 'migrate' }
  | { readonly kind: 'backup'; readonly file: string }
  /** Puts the copy `source` in its place, after `operation` has marked it. */
  | {
      readonly kind: 'restore';
      readonly source: string;
      readonly operation: string;
      readonly input: unknown;
    }
  /** Makes a copy of it at its other home. It answers nobody from here on. */
  | { readonly kind: 'move'; readonly to: VaultHome }
  /** Gives a move up. */
  | { readonly kind: 'stay' }
  /** Removes what lies there and is not the vault any more. */
  | { readonly kind: 'remove-copy' }
);

export type Request = VaultRequest | { readonly kind: 'probe' } | { readonly kind: 'close' };

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
      readonly cause: Thrown | undefined;
    };

export type Reply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly id: number; readonly output: unknown }
  | { readonly kind: 'thrown'; readonly id: number; readonly thrown: Thrown };

export function packError(error: unknown): Thrown {
  const known = error instanceof Error ? error : new Error(String(error));
  const cause = known.cause === undefined ? undefined : packError(known.cause);
  if (known instanceof Failure) {
    const { code, status, title, message, extensions, headers } = known;
    return { kind: 'failure', code, status, title, detail: message, extensions, headers, cause };
  }
  const { name, message, stack } = known;
  return { kind: 'defect', name, message, stack, cause };
}

export function unpackError(thrown: Thrown): Error {
  const cause = thrown.cause === undefined ? undefined : unpackError(thrown.cause);
  if (thrown.kind === 'failure') {
    const { code, status, title, detail, extensions, headers } = thrown;
    return new Failure(code, status, title, { detail, extensions, headers, cause });
  }
  const error = new Error(thrown.message, cause === undefined ? {} : { cause });
  error.name = thrown.name;
  if (thrown.stack !== undefined) error.stack = thrown.stack;
  return error;
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
