/** A conversation with one database: requests that share a connection there, and so a transaction. */
import type { SQLInputValue } from 'node:sqlite';
import type { DatabaseAddress } from './hosts.ts';
import {
  closeStream,
  commitBatch,
  execute,
  fromWireValue,
  type SqlStatement,
  type WireAnswer,
  type WireBatchResult,
  type WirePipeline,
  type WireRequest,
  type WireResult,
} from './hrana.ts';
import { type HttpConnections, textOf } from './http.ts';
import { DatabaseAbsent, DatabaseForbidden, RemoteSqlError, unavailable } from './remote-errors.ts';
import type { Seen } from './replicas/replicas.ts';

export type Row = readonly SQLInputValue[];

export interface Stream {
  /** Runs each statement, whatever became of those before it. An answer is rows or what SQLite said instead. */
  query(
    statements: readonly SqlStatement[],
    options?: { last: boolean },
  ): Promise<(readonly Row[] | RemoteSqlError)[]>;
  /** Runs the statements and commits the open transaction, or takes all of it back and throws. Ends the conversation. */
  commit(statements: readonly SqlStatement[]): Promise<void>;
  /** Ends the conversation and takes back what is open. */
  close(): Promise<void>;
}

const answerBytesMax = 64 * 1024 * 1024;

export function openStream(
  connections: HttpConnections,
  address: DatabaseAddress,
  remainingMs: () => number,
  onSeen: (seen: Seen) => void,
): Stream {
  let baton: string | null = null;
  let base = address.url;

  async function send(requests: readonly WireRequest[]): Promise<readonly WireAnswer[]> {
    const { host, authorization } = address;
    const answer = await connections.ask({
      method: 'POST',
      url: new URL('/v3/pipeline', base),
      ...(host === undefined ? {} : { host }),
      authorization,
      body: JSON.stringify({ baton, requests }),
      deadlineMs: remainingMs(),
      responseBytesMax: answerBytesMax,
    });
    const { status } = answer;
    if (status === 401 || status === 403) throw new DatabaseForbidden(`the database answered ${status}`);
    if (status === 404) throw new DatabaseAbsent('the database answered 404');
    if (status !== 200) throw unavailable(new Error(`the database answered ${status}`));
    const answered = parse(textOf(answer));
    baton = answered.baton;
    if (answered.base_url !== null) base = new URL(answered.base_url);
    for (const answer of answered.results) noteIndex(answer, onSeen);
    return answered.results;
  }

  return {
    async query(statements, { last } = { last: false }) {
      const requests = [...statements.map(execute), ...(last ? [closeStream] : [])];
      const answers = await send(requests);
      return statements.map((_, at) => rowsOf(answers[at]));
    },
    async commit(statements) {
      // Also what is never answered may be done.
      onSeen('a write');
      const [answer] = await send([commitBatch(statements), closeStream]);
      onSeen('a write');
      if (answer?.type !== 'ok') throw errorOf(answer);
      const { step_results: results, step_errors: errors } = answer.response.result as WireBatchResult;
      const failed = errors.find((error) => error !== null);
      if (failed !== undefined && failed !== null) throw new RemoteSqlError(failed);
      // The first step is passed over when the server had taken the transaction back.
      if (results.some((result) => result === null)) throw unavailable(new Error('the transaction was gone'));
    },
    async close() {
      if (baton !== null) await send([closeStream]);
    },
  };
}

/** The rows of an answer that must be one. */
export function rowsIn(answer: readonly Row[] | RemoteSqlError | undefined): readonly Row[] {
  if (answer === undefined) throw new Error('each statement has an answer');
  if (answer instanceof RemoteSqlError) throw answer;
  return answer;
}

function parse(text: string): WirePipeline {
  try {
    const { baton = null, base_url = null, results } = JSON.parse(text);
    if (Array.isArray(results)) return { baton, base_url, results };
  } catch {
    // Not JSON at all.
  }
  throw unavailable(new Error('the database answered something else than Hrana'));
}

/** Servers without a replication log leave it out. */
function noteIndex(answer: WireAnswer, onSeen: (seen: Seen) => void): void {
  if (answer.type !== 'ok' || answer.response.result === undefined) return;
  const { replication_index: index } = answer.response.result as WireResult | WireBatchResult;
  if (index !== undefined && index !== null) onSeen({ index: Number(index) });
}

function rowsOf(answer: WireAnswer | undefined): readonly Row[] | RemoteSqlError {
  if (answer?.type !== 'ok') return errorOf(answer);
  const { rows } = answer.response.result as WireResult;
  return rows.map((row) => row.map(fromWireValue));
}

function errorOf(answer: WireAnswer | undefined): RemoteSqlError {
  if (answer?.type === 'error') return new RemoteSqlError(answer.error);
  return new RemoteSqlError({ message: 'the database left a statement unanswered' });
}
