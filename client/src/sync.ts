/** The engine: sends the queue, pulls what others wrote, and repeats itself safely at any point. */
import type { Change, PullResponse, PushResponse, PushResult } from '@alcove/contract';
import { syncLimits } from '@alcove/contract/limits';
import { AlcoveError, hasCode } from './errors.ts';
import type { Keyring } from './keyring.ts';
import { isForged, isOutOfDate } from './queue.ts';
import type { Refusal } from './records.ts';
import type { Session } from './session.ts';
import type { Batch, ItemChange, Position, VaultStore } from './vault-store/index.ts';
import { isCount, isPullResponse, isPushResponse } from './wire.ts';

/** Room for the envelope around the changes. */
const pushBytesMax = syncLimits.pushBodyBytesMax - 64 * 1024;
const pageItems = 200;
/** How long a device may go without looking at the device log: a revocation changes the key that it seals with. */
const keysMaxAgeMs = 60_000;
const resyncsMax = 3;
/** A turn may find out what only another one can do: what the vault has lost is known when all is pulled. */
const turnsMax = 4;

/** What one `sync()` did. */
export interface SyncResult {
  /** Changes that the server has taken, also those it had already. */
  readonly pushed: number;
  /** Items that others' changes brought or altered here. */
  readonly pulled: number;
  /** Items that came into conflict. */
  readonly conflicts: number;
}

export interface SyncEngine {
  run(): Promise<SyncResult>;
  /** Makes the next run look at the device log, however recently that was done. */
  doubtKeys(): void;
}

export interface SyncParts {
  readonly session: Session;
  readonly keyring: Keyring;
  readonly store: VaultStore;
  readonly now: () => number;
  /** Makes a store that is a copy of another one a device of its own. */
  readonly takeNewIdentity: () => Promise<void>;
  /** Told of every item that a pull changed, after it is stored. */
  readonly onPulled: (changed: readonly ItemChange[]) => void;
}

/** A push by which the vault may know a copy. */
interface OwnPush {
  readonly changes: readonly Change[];
  /** The highest own counter whose push has been answered. */
  readonly sentCounter: number;
  readonly key?: string;
}

/** What one `sync()` has done so far. */
interface Progress {
  pushed: number;
  /** Items, and whether they came into conflict. */
  readonly pulled: Map<string, boolean>;
}

export function createSyncEngine(parts: SyncParts): SyncEngine {
  const { session, keyring, store, now, takeNewIdentity, onPulled } = parts;
  let keysCheckedAtMs = Number.NEGATIVE_INFINITY;

  async function refreshKeys(): Promise<void> {
    const fresh = await keyring.refresh();
    keysCheckedAtMs = now();
    if (fresh.length > 0) onPulled(await store.reopen(fresh));
  }

  /** Says how far this store has sent, by which the vault knows a copy of it. */
  async function pushAsItself(own: OwnPush): Promise<PushResponse> {
    return push(session, own).catch(async (error) => {
      if (hasCode(error, 'sync.device_cloned'))
        await store.suspectCopy(own.sentCounter, countIn(error, 'counter'));
      throw error;
    });
  }

  /** Sends every queued change once. What is refused stays queued and does not hold up the rest. */
  async function pushAll(progress: Progress): Promise<void> {
    let sentUpTo = 0;
    for (;;) {
      const batch = (await store.findSending()) ?? (await nextBatch(store, sentUpTo));
      if (batch === undefined) return;
      const lastCounter = Math.max(...batch.counters);
      sentUpTo = Math.max(sentUpTo, lastCounter);
      const answer = await pushAsItself(batch).catch(async (error) => {
        if (hasCode(error, 'idempotency.key_reused')) await store.settle(batch.key, { results: [] });
        throw error;
      });
      const results = matchResults(batch.changes, answer);
      const known = Math.max(batch.sentCounter, lastCounter);
      if (answer.counter > known || results.some(({ rejected }) => rejected?.code === 'sync.clock_reused')) {
        // Of what a copy has sent the server could take ours for old news, so nothing leaves the queue.
        await store.settle(batch.key, { results: [] });
        await store.suspectCopy(batch.sentCounter, undefined);
        throw deviceCloned();
      }
      await store.settle(batch.key, {
        sentCounter: known,
        results: results.map(({ seq, rejected }, at) => ({
          counter: batch.counters[at] ?? 0,
          ...place(seq),
          ...refusal(rejected),
        })),
      });
      progress.pushed += results.filter(({ rejected }) => rejected === undefined).length;
    }
  }

  /** Sends again what the vault has lost. However many devices do it, it is one version. */
  async function resendLost(progress: Progress): Promise<void> {
    const lost = (await store.resends()).map(({ change }) => change);
    const { sentCounter = 0 } = await store.readSync();
    for (let rest = lost; rest.length > 0; ) {
      const changes = firstOf(rest);
      const results = matchResults(changes, await pushAsItself({ changes, sentCounter }));
      const gone = await store.settleResends(
        results.map(({ change, seq, rejected }) => {
          // Under this clock the vault has it, in the bytes of another program.
          const isThere = rejected?.code === 'sync.clock_reused';
          return { change, ...place(seq), ...refusal(isThere ? undefined : rejected) };
        }),
      );
      notice(progress, gone);
      rest = rest.slice(changes.length);
    }
  }

  async function pullAll(progress: Progress): Promise<void> {
    let resyncs = 0;
    for (;;) {
      const from = await store.readSync();
      try {
        const end = await pullPage(from, progress);
        if (end === undefined) continue;
        notice(progress, await store.finishResync(end));
        return;
      } catch (error) {
        if (!isLostCursor(error) || resyncs >= resyncsMax) throw error;
        resyncs += 1;
        await store.beginResync(from, {
          knownUpToSeq: knownUpToSeq(error),
          cameWith: isOtherHistory(error) ? await askCameWith() : undefined,
        });
      }
    }
  }

  /** With how much this device came first to a vault that was put back: this store, or another one that claims to be it. */
  async function askCameWith(): Promise<number | undefined> {
    const { sentCounter = 0 } = await store.readSync();
    try {
      return (await pushAsItself({ changes: [], sentCounter })).cameWith;
    } catch (error) {
      if (hasCode(error, 'sync.device_cloned')) return countIn(error, 'cameWith');
      throw error;
    }
  }

  /** Says where it ended, once there is no more. */
  async function pullPage(from: Position, progress: Progress): Promise<Position | undefined> {
    const askedAtMs = now();
    const { changes, cursor, hasMore, serverTime } = await pull(session, from.cursor);
    const clockSkewMs = clockSkew(serverTime, askedAtMs, now());
    const applied = await store.applyPage({ from, changes, cursor, clockSkewMs });
    if (applied === undefined) return undefined;
    notice(progress, applied.changed);
    if (applied.missing.length > 0) await refreshKeys();
    return hasMore ? undefined : { ...from, cursor };
  }

  function notice({ pulled }: Progress, changed: readonly ItemChange[]): void {
    for (const { kind, id, newConflict } of changed) pulled.set(`${kind}/${id}`, newConflict !== undefined);
    onPulled(changed);
  }

  /** The vault may know of a join already, or know better. Neither is worth telling it twice. */
  async function pushJoins(): Promise<void> {
    for (;;) {
      const changes = firstOf(await store.joins());
      if (changes.length === 0) return;
      await push(session, { changes });
      await store.forgetJoins(changes);
    }
  }

  /** Of a store that is a copy of another one nothing is sent, for it may be taken for the other's. */
  async function send(progress: Progress): Promise<void> {
    const { cloned = false } = await store.readSync();
    if (cloned) return;
    try {
      await resendLost(progress);
      await pushAll(progress);
    } catch (error) {
      // The store has noted it.
      if (!hasCode(error, 'sync.device_cloned')) throw error;
    }
  }

  /** True when there is more to do that this turn has found out. */
  async function takeTurn(progress: Progress): Promise<boolean> {
    const lostBefore = (await store.resends()).length;
    await send(progress);
    await pullAll(progress);
    const { cloned = false } = await store.readSync();
    if (cloned) {
      if (!(await store.knowItself())) await takeNewIdentity();
      await refreshKeys();
      return true;
    }
    return (await renewRefused()) || (await store.resends()).length > lostBefore;
  }

  /** What came too late or said too much is written anew, with the current key and as a later edit. */
  async function renewRefused(): Promise<boolean> {
    const waiting = await store.queue();
    if (waiting.some(isOutOfDate)) await refreshKeys();
    else if (!waiting.some(isForged)) return false;
    return store.renewRefused();
  }

  return {
    doubtKeys() {
      keysCheckedAtMs = Number.NEGATIVE_INFINITY;
    },
    async run() {
      // The clock may have been set back since, which would make keys of yesterday look like those of tomorrow.
      if (Math.abs(now() - keysCheckedAtMs) > keysMaxAgeMs) await refreshKeys();
      const progress: Progress = { pushed: 0, pulled: new Map() };
      for (let turn = 1; (await takeTurn(progress)) && turn < turnsMax; ) turn += 1;
      await pushJoins();
      await store.writeSync({ lastSyncedAt: new Date(now()).toISOString() });
      const { pushed, pulled } = progress;
      return { pushed, pulled: pulled.size, conflicts: [...pulled.values()].filter((isNew) => isNew).length };
    },
  };
}

/** The next changes that fit into one push, noted as under way. */
async function nextBatch(store: VaultStore, after: number): Promise<Batch | undefined> {
  const counters: number[] = [];
  let bytes = 0;
  for (const { counter } of await store.queue()) {
    if (counter <= after) continue;
    const queued = await store.readQueued(counter);
    // Replaced by a newer edit since the queue was read; that one has its own, higher place.
    if (queued === undefined) continue;
    bytes += JSON.stringify(queued.change).length + 1;
    if (counters.length >= syncLimits.changesPerPushMax || (bytes > pushBytesMax && counters.length > 0))
      break;
    counters.push(counter);
  }
  if (counters.length === 0) return undefined;
  return (await store.startSending(counters)) ?? nextBatch(store, after);
}

/** As many as one push takes, and always one. */
function firstOf(changes: readonly Change[]): Change[] {
  let bytes = 0;
  return changes.slice(0, syncLimits.changesPerPushMax).filter((change, at) => {
    bytes += JSON.stringify(change).length + 1;
    return at === 0 || bytes <= pushBytesMax;
  });
}

/**
 * The server knows each change by its clock, so a second arrival is a duplicate. With a key it also answers just as
 * before, and does not take this device's own changes for those of a copy.
 */
function push(
  session: Session,
  { changes, sentCounter, key }: Partial<OwnPush> & Pick<OwnPush, 'changes'>,
): Promise<PushResponse> {
  return session.request({
    method: 'POST',
    path: '/api/v1/sync/push',
    body: { changes, ...(sentCounter === undefined ? {} : { sentCounter }) },
    answer: isPushResponse,
    idempotencyKey: key,
    isRepeatable: true,
  });
}

function pull(session: Session, cursor: string | undefined): Promise<PullResponse> {
  // What lies before the stored cursor is durably here, so it can be acknowledged.
  const position = cursor === undefined ? {} : { cursor, acknowledged: cursor };
  return session.request({
    method: 'POST',
    path: '/api/v1/sync/pull',
    body: { ...position, limit: pageItems },
    answer: isPullResponse,
    isRepeatable: true,
  });
}

/** A number that the server's refusal names. */
function countIn(error: unknown, name: string): number | undefined {
  const count = error instanceof AlcoveError ? error.extensions[name] : undefined;
  return isCount(count) ? count : undefined;
}

function deviceCloned(): AlcoveError {
  const message =
    'The server has changes of this device that this store never sent: it is a copy of another one.';
  return new AlcoveError('sync.device_cloned', message);
}

function matchResults(
  changes: readonly Change[],
  { results }: PushResponse,
): { change: Change; seq: number | undefined; rejected: Refusal | undefined }[] {
  if (results.length !== changes.length) throw misunderstood();
  return changes.map((change, at) => {
    const result = results[at];
    if (result === undefined || result.id !== change.id) throw misunderstood();
    return { change, seq: result.seq, rejected: refusalOf(result) };
  });
}

/** Every other status means that the server holds the change, or a later one that has seen it. */
function refusalOf({ status, code, detail }: PushResult): Refusal | undefined {
  if (status !== 'rejected') return undefined;
  return { code: code ?? 'sync.rejected', detail: detail ?? 'The server gave no reason.' };
}

function place(seq: number | undefined): { seq?: number } {
  return seq === undefined ? {} : { seq };
}

function refusal(rejected: Refusal | undefined): { rejected?: Refusal } {
  return rejected === undefined ? {} : { rejected };
}

function misunderstood(): AlcoveError {
  return new AlcoveError('protocol', 'The answer to a push does not match the changes that were sent.');
}

function clockSkew(serverTime: string, askedAtMs: number, answeredAtMs: number): number {
  return Math.round((askedAtMs + answeredAtMs) / 2 - Date.parse(serverTime));
}

function isLostCursor(error: unknown): boolean {
  return hasCode(error, 'sync.resync_required') || hasCode(error, 'sync.invalid_cursor');
}

function isOtherHistory(error: unknown): boolean {
  const reason = error instanceof AlcoveError ? error.extensions.reason : undefined;
  return reason === 'restored' || reason === 'other_vault';
}

/** A server that does not say what the vault had may have lost all of it. */
function knownUpToSeq(error: unknown): number {
  return countIn(error, 'knownUpToSeq') ?? 0;
}
