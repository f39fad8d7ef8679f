/**
 * Hrana over HTTP, the protocol of libSQL servers and Turso: values, statements and their results as JSON.
 * https://github.com/tursodatabase/libsql/blob/main/docs/HRANA_3_SPEC.md
 */
import type { SQLInputValue } from 'node:sqlite';

export interface SqlStatement {
  readonly sql: string;
  readonly args: readonly SQLInputValue[];
}

type WireValue =
  | { readonly type: 'null' }
  | { readonly type: 'integer'; readonly value: string }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'text'; readonly value: string }
  | { readonly type: 'blob'; readonly base64: string };

interface WireStatement {
  readonly sql: string;
  readonly args: readonly WireValue[];
  readonly want_rows: boolean;
}

export type WireCondition =
  | { readonly type: 'ok'; readonly step: number }
  | { readonly type: 'not'; readonly cond: WireCondition }
  | { readonly type: 'is_autocommit' };

interface WireStep {
  readonly stmt: WireStatement;
  readonly condition?: WireCondition;
}

export type WireRequest =
  | { readonly type: 'execute'; readonly stmt: WireStatement }
  | { readonly type: 'batch'; readonly batch: { readonly steps: readonly WireStep[] } }
  | { readonly type: 'close' };

export interface WireResult {
  readonly replication_index?: string | null;
  readonly rows: readonly (readonly WireValue[])[];
}

export interface WireError {
  readonly message: string;
  readonly code?: string | null;
}

export interface WireBatchResult {
  readonly replication_index?: string | null;
  readonly step_results: readonly (WireResult | null)[];
  readonly step_errors: readonly (WireError | null)[];
}

export type WireAnswer =
  | { readonly type: 'ok'; readonly response: { readonly type: string; readonly result?: unknown } }
  | { readonly type: 'error'; readonly error: WireError };

export interface WirePipeline {
  readonly baton: string | null;
  readonly base_url: string | null;
  readonly results: readonly WireAnswer[];
}

export const execute = (statement: SqlStatement): WireRequest => ({
  type: 'execute',
  stmt: toWire(statement, true),
});

export const closeStream: WireRequest = { type: 'close' };

/**
 * Statements and their COMMIT as one batch, each run only when the one before it was. The transaction that they belong to
 * may have been taken back by the server meanwhile: without the first condition they would then be committed one by one.
 */
export function commitBatch(statements: readonly SqlStatement[]): WireRequest {
  const inTransaction: WireCondition = { type: 'not', cond: { type: 'is_autocommit' } };
  const steps = [...statements, { sql: 'COMMIT', args: [] }].map((statement, at) => ({
    stmt: toWire(statement, false),
    condition: at === 0 ? inTransaction : ({ type: 'ok', step: at - 1 } as const),
  }));
  return { type: 'batch', batch: { steps } };
}

function toWire({ sql, args }: SqlStatement, wantRows: boolean): WireStatement {
  return { sql, args: args.map(toWireValue), want_rows: wantRows };
}

function toWireValue(value: SQLInputValue): WireValue {
  if (value === null) return { type: 'null' };
  if (typeof value === 'string') return { type: 'text', value };
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return { type: 'integer', value: `${value}` };
  if (typeof value === 'number') return { type: 'float', value };
  return {
    type: 'blob',
    base64: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64'),
  };
}

export function fromWireValue(value: WireValue): SQLInputValue {
  switch (value.type) {
    case 'null':
      return null;
    case 'integer': {
      const number = Number(value.value);
      return Number.isSafeInteger(number) ? number : BigInt(value.value);
    }
    case 'float':
    case 'text':
      return value.value;
    case 'blob':
      return new Uint8Array(Buffer.from(value.base64, 'base64'));
  }
}
