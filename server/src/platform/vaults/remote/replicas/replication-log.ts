/**
 * The replication log of a libSQL server: which pages each transaction left, in the order of their commits.
 * https://github.com/tursodatabase/libsql/blob/main/libsql-replication/proto/replication_log.proto
 */
import type { DatabaseAddress } from '../hosts.ts';
import type { HttpConnections } from '../http.ts';
import { DatabaseAbsent, DatabaseForbidden, unavailable } from '../remote-errors.ts';
import { frameMessage, type Member, numberMember, readMembers, readMessages } from './grpc-web.ts';

/** How far a log has come. */
export interface LogHead {
  /** Another one begins another history, whatever its numbers say. */
  readonly logId: string;
  /** Of the newest frame that is committed; -1 where there is none. */
  readonly index: number;
  /** Another one is of a server that was started anew. While one runs, its log only grows. */
  readonly session: string;
}

/** A page as a transaction left it. */
export interface Frame {
  readonly index: number;
  /** Of this frame and of all before it, also where a snapshot has not all of them. */
  readonly checksum: bigint;
  /** Counted from 1. */
  readonly page: number;
  /** Of the last frame of a transaction, how many pages the database has from then on; 0 of the others. */
  readonly pagesAfter: number;
  readonly content: Buffer;
}

export interface ReplicationLog {
  /** Has to be called before frames are read, and again when the server was started anew. */
  findHead(): Promise<LogHead>;
  /**
   * Some of the frames from this one on, in their order, up to the end of a transaction; none when there are no more, and
   * undefined when the log begins later.
   */
  readFrames(from: number): Promise<readonly Frame[] | undefined>;
  /** The newest state of the pages that the log has forgotten, from this frame on. */
  readSnapshot(from: number): Promise<readonly Frame[]>;
}

const frameHeaderBytes = 24;
/** The server ends a batch with the transaction that reaches 1024 pages of 4 KiB; a transaction may be larger. */
const answerBytesMax = 96 * 1024 * 1024;

export function openReplicationLog(
  connections: HttpConnections,
  locate: () => Promise<DatabaseAddress>,
  name: string,
  remainingMs: () => number,
): ReplicationLog {
  let session = '';

  /** Undefined: what is asked for is in no log any more, but in a snapshot. */
  async function call(method: string, message: Uint8Array): Promise<Buffer[] | undefined> {
    const { url, host, authorization } = await locate();
    const { status, headers, bytes } = await connections.ask({
      method: 'POST',
      url: new URL(`/wal_log.ReplicationLog/${method}`, url),
      ...(host === undefined ? {} : { host }),
      authorization,
      headers: {
        'content-type': 'application/grpc-web+proto',
        'x-namespace-bin': Buffer.from(name).toString('base64'),
        ...(authorization === undefined ? {} : { 'x-authorization': authorization }),
        ...(session === '' ? {} : { 'x-session-token': session }),
      },
      body: frameMessage(message),
      deadlineMs: remainingMs(),
      responseBytesMax: answerBytesMax,
    });
    if (status !== 200) throw unavailable(new Error(`the replication log answered ${status}`));
    // Of a refusal the status stands in the headers, and there is no message.
    const refusal = headers['grpc-status'];
    if (refusal === undefined || refusal === '0') return readMessages(bytes);
    if (headers['grpc-message'] === 'NEED_SNAPSHOT') return undefined;
    throw refused(String(refusal), String(headers['grpc-message'] ?? ''));
  }

  return {
    async findHead() {
      const [answer] = (await call('Hello', numberMember(1, 1))) ?? [];
      if (answer === undefined) throw unavailable(new Error('the replication log did not introduce itself'));
      const members = readMembers(answer);
      session = textOf(members, 4);
      const index = members.find(({ id }) => id === 5);
      return { logId: textOf(members, 3), index: index?.kind === 'number' ? index.value : -1, session };
    },
    async readFrames(from) {
      const batch = await call('BatchLogEntries', numberMember(1, from));
      return batch && untilCommit(batch.flatMap(messagesIn).map(readFrame));
    },
    async readSnapshot(from) {
      const frames = (await call('Snapshot', numberMember(1, from))) ?? [];
      return oldestFirst(frames.map(readFrame));
    },
  };
}

function refused(status: string, message: string): Error {
  if (message === 'NAMESPACE_DOESNT_EXIST') return new DatabaseAbsent('there is no replication log');
  if (status === '16' || status === '7')
    return new DatabaseForbidden(`the replication log answered ${status}`);
  return unavailable(new Error(`the replication log was refused with ${status} ${message}`));
}

function textOf(members: readonly Member[], wanted: number): string {
  const member = members.find(({ id }) => id === wanted);
  return member?.kind === 'bytes' ? member.value.toString('utf8') : '';
}

const messagesIn = (message: Buffer): Buffer[] =>
  readMembers(message).flatMap((member) => (member.kind === 'bytes' ? [member.value] : []));

function readFrame(message: Buffer): Frame {
  const data = readMembers(message).find(({ id }) => id === 1);
  if (data?.kind !== 'bytes') throw unavailable(new Error('a frame holds a page'));
  const { value } = data;
  return {
    index: Number(value.readBigUInt64LE(0)),
    checksum: value.readBigUInt64LE(8),
    page: value.readUInt32LE(16),
    pagesAfter: value.readUInt32LE(20),
    content: value.subarray(frameHeaderBytes),
  };
}

function untilCommit(frames: readonly Frame[]): readonly Frame[] {
  return frames.slice(0, frames.findLastIndex(({ pagesAfter }) => pagesAfter > 0) + 1);
}

/** A snapshot holds each page once, the newest first, and says on its last frame how large the database is. */
function oldestFirst(frames: readonly Frame[]): readonly Frame[] {
  const pagesAfter = frames.at(-1)?.pagesAfter ?? 0;
  return frames.toReversed().map((frame, at) => ({
    ...frame,
    pagesAfter: at === frames.length - 1 ? pagesAfter : 0,
  }));
}
