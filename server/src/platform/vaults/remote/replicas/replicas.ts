/**
 * Replicas of remote vaults, from which one worker answers what may be a moment old. A replica answers when it holds
 * everything that this node has seen or written, and was level with the primary a second ago, or when the primary cannot be
 * asked. Whatever it refuses, the primary is asked: it may know better.
 */
import type { VaultDatabase } from '../../database.ts';
import { findDiskFailure } from '../../sqlite-errors.ts';
import { countdown } from '../countdown.ts';
import { stateQuery } from '../schema.ts';
import { createReplicaFile, type ReplicaFile } from './replica-file.ts';
import type { Frame, ReplicationLog } from './replication-log.ts';

export interface ReplicaOptions {
  /** Nothing is ever to be found in it. */
  readonly directory: string;
  readonly openMax: number;
}

export interface Replicas {
  /** Answers undefined when the primary is to be asked. */
  read(
    name: string,
    work: (vault: VaultDatabase) => unknown,
  ): Promise<{ readonly output: unknown } | undefined>;
  /** The primary could not be asked after all: answers from what there is, if that holds all that this node has seen. */
  readLagging(
    name: string,
    work: (vault: VaultDatabase) => unknown,
  ): { readonly output: unknown } | undefined;
  /** Whether `readLagging` has something to answer from. */
  canLag(name: string): boolean;
  /** What does not hold this may not answer from now on. */
  noteSeen(name: string, seen: Seen): void;
  drop(name: string): void;
  closeIdle(): void;
  closeAll(): void;
}

/** What the primary showed at an index of its log, or was asked to write. */
export type Seen = { readonly index: number } | 'a write';

export interface ReplicaParts {
  readonly openLog: (name: string, remainingMs: () => number) => ReplicationLog;
  /** Of the vaults that this service can read. */
  readonly version: number;
  readonly onReplicaOpen: () => void;
  readonly onReplicaClose: () => void;
}

interface Replica {
  file: ReplicaFile | undefined;
  logId: string;
  /** The newest frame that it holds. */
  index: number;
  /** Undefined where it holds none. */
  checksum: bigint | undefined;
  /** Of the log, when its last frame was seen to be the primary's, too. */
  session: string | undefined;
  /** How often this node saw or wrote something that the replica may lack. */
  doubts: number;
  /** How many of them were over when it was level with the primary, and when that was. */
  doubtsSettled: number;
  levelAtMs: number;
  /** Not before then it is tried again to make it level. */
  retryAtMs: number;
  /** Until then it answers without being level: the primary was asked in vain a moment ago. */
  primaryAwayUntilMs: number;
  usedAtMs: number;
}

/** So much older than the primary an answer may be. */
const ageMsMax = 1000;
/** What one attempt to become level may take of a request's time, and when the next one follows that failed. */
const attemptMs = 1000;
const retryAfterMs = 2000;
/** A replica that is closed has to be fetched anew, page by page. */
const idleCloseMs = 10 * 60_000;
/** Larger vaults are asked of the primary. */
const pagesMax = 16_384;

export function createReplicas(options: ReplicaOptions, parts: ReplicaParts): Replicas {
  /** Least recently used first. */
  const held = new Map<string, Replica>();

  function take(name: string): Replica {
    const replica = held.get(name) ?? createReplica();
    if (!held.has(name)) parts.onReplicaOpen();
    replica.usedAtMs = performance.now();
    held.delete(name);
    held.set(name, replica);
    for (const oldest of held.keys()) {
      if (held.size <= options.openMax) break;
      drop(oldest);
    }
    return replica;
  }

  function drop(name: string): void {
    const replica = held.get(name);
    if (replica === undefined) return;
    held.delete(name);
    replica.file?.close();
    parts.onReplicaClose();
  }

  /** One step: a long log is fetched by several reads, and meanwhile the primary answers. */
  async function makeLevel(name: string, replica: Replica): Promise<void> {
    const [askedAtMs, { doubts }] = [performance.now(), replica];
    const log = parts.openLog(name, countdown(attemptMs));
    const head = await log.findHead();
    if (held.get(name) !== replica) return;
    if (head.logId !== replica.logId || head.index < replica.index) begin(replica, head.logId);
    if (replica.index < head.index || replica.session !== head.session) {
      const frames = await readOn(log, replica, head.index);
      // A database that was removed and made anew meanwhile would have answered with frames of another history.
      const { logId } = await log.findHead();
      if (held.get(name) !== replica || logId !== replica.logId) return;
      if (frames === 'another history') return begin(replica, logId);
      append(replica, frames);
      replica.session = head.session;
    }
    if (replica.index < head.index) return;
    replica.levelAtMs = askedAtMs;
    replica.doubtsSettled = doubts;
  }

  /**
   * What follows, after a look at the frame that it holds last: a server that lost the end of its log goes on with the same
   * numbers, and may have come as far again.
   */
  async function readOn(
    log: ReplicationLog,
    { index, checksum }: Replica,
    headIndex: number,
  ): Promise<readonly Frame[] | 'another history'> {
    if (checksum === undefined) return readFrom(log, index + 1);
    const [last, ...following] = await readFrom(log, index);
    if (last?.checksum !== checksum) return 'another history';
    // A snapshot may end with that frame, and the log begin after it.
    return following.length === 0 && index < headIndex ? readFrom(log, index + 1) : following;
  }

  const readFrom = async (log: ReplicationLog, index: number): Promise<readonly Frame[]> =>
    (await log.readFrames(index)) ?? (await log.readSnapshot(index));

  async function tryToMakeLevel(name: string, replica: Replica): Promise<void> {
    if (performance.now() < replica.retryAtMs) return;
    try {
      await makeLevel(name, replica);
    } catch {
      // Why, the primary will say: it is asked next.
      replica.retryAtMs = performance.now() + retryAfterMs;
    }
  }

  function answer(name: string, replica: Replica, work: (vault: VaultDatabase) => unknown) {
    const { file } = replica;
    if (file === undefined || !holdsAllSeen(replica)) return undefined;
    try {
      const output = file.lend((vault) => {
        requireUsable(vault, parts.version);
        return work(vault);
      });
      return { output };
    } catch (error) {
      if (findDiskFailure(error) !== undefined) drop(name);
      return undefined;
    }
  }

  return {
    async read(name, work) {
      const replica = take(name);
      if (!isLevel(replica)) await tryToMakeLevel(name, replica);
      const mayAnswer = isLevel(replica) || performance.now() < replica.primaryAwayUntilMs;
      return mayAnswer && held.get(name) === replica ? answer(name, replica, work) : undefined;
    },
    readLagging(name, work) {
      const replica = held.get(name);
      if (replica === undefined) return undefined;
      replica.primaryAwayUntilMs = performance.now() + retryAfterMs;
      return answer(name, replica, work);
    },
    canLag(name) {
      const replica = held.get(name);
      return replica?.file !== undefined && holdsAllSeen(replica);
    },
    noteSeen(name, seen) {
      const replica = held.get(name);
      // A server that died gives its numbers again, so that after a write the same one means nothing.
      if (replica !== undefined && (seen === 'a write' || seen.index !== replica.index)) replica.doubts += 1;
    },
    drop,
    closeIdle() {
      const usedBeforeMs = performance.now() - idleCloseMs;
      for (const [name, { usedAtMs }] of held) if (usedAtMs <= usedBeforeMs) drop(name);
    },
    closeAll() {
      for (const name of held.keys()) drop(name);
    },
  };

  function append(replica: Replica, frames: readonly Frame[]): void {
    const last = frames.at(-1);
    if (last === undefined) return;
    if (last.pagesAfter > pagesMax) {
      begin(replica, replica.logId);
      replica.retryAtMs = Number.POSITIVE_INFINITY;
      return;
    }
    replica.file ??= createReplicaFile(options.directory);
    try {
      replica.file.apply(frames);
      replica.index = last.index;
      replica.checksum = last.checksum;
    } catch (error) {
      // Half of it may be written.
      begin(replica, replica.logId);
      throw error;
    }
  }
}

function createReplica(): Replica {
  return {
    file: undefined,
    logId: '',
    index: -1,
    checksum: undefined,
    session: undefined,
    doubts: 0,
    doubtsSettled: -1,
    levelAtMs: 0,
    retryAtMs: 0,
    primaryAwayUntilMs: 0,
    usedAtMs: 0,
  };
}

/** Forgets what it holds: it is of another history, or not whole. */
function begin(replica: Replica, logId: string): void {
  replica.file?.close();
  replica.file = undefined;
  replica.logId = logId;
  replica.index = -1;
  replica.checksum = undefined;
  replica.doubtsSettled = -1;
}

const holdsAllSeen = ({ doubts, doubtsSettled }: Replica): boolean => doubts === doubtsSettled;

const isLevel = (replica: Replica): boolean =>
  holdsAllSeen(replica) && performance.now() - replica.levelAtMs < ageMsMax;

/** What is of another schema, or on its way to another home, the primary knows how to treat. */
function requireUsable(vault: VaultDatabase, version: number): void {
  const [state] = vault.statement<Record<string, number>>(stateQuery.sql).all();
  const [found, frozen] = Object.values(state ?? {});
  if (found !== version || frozen === 1) throw new Error('a replica that is not to be used now');
}
