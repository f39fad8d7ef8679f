/** The engine: sends the queue, pulls what others wrote, and repeats itself safely at any point. */
import type { PullResponse, PushResponse, PushResult } from '@alcove/contract';
import { syncLimits } from '@alcove/contract/limits';
import { AlcoveError, hasCode } from './errors.ts';
import type { Keyring } from './keyring.ts';
import type { QueuedChange } from './records.ts';
import type { Session } from './session.ts';
import type { ItemChange, VaultStore } from './vault-store.ts';
import { isPullResponse, isPushResponse } from './wire.ts';

/** Room for the envelope around the changes. */
const pushBytesMax = syncLimits.pushBodyBytesMax - 64 * 1024;
const pageItems = 200;
/** How long a device may go without looking at the device log: a revocation changes the key that it seals with. */
const keysMaxAgeMs = 60_000;
const resyncsMax = 3;

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
}

export interface SyncParts {
  readonly session: Session;
  readonly keyring: Keyring;
  readonly store: VaultStore;
  readonly now: () => number;
  /** Told of every item that a pull changed, after it is stored. */
  readonly onPulled: (changed: readonly ItemChange[]) => void;
}

interface Batch {
  readonly changes: readonly QueuedChange['change'][];
  readonly counters: readonly number[];
}

export function createSyncEngine({ session, keyring, store, now, onPulled }: SyncParts): SyncEngine {
  let keysCheckedAtMs = Number.NEGATIVE_INFINITY;

  async function refreshKeys(): Promise<void> {
    const fresh = await keyring.refresh();
    keysCheckedAtMs = now();
    if (fresh.length > 0) onPulled(await store.reopen(fresh));
  }

  /** Sends every queued change once. What is refused stays queued and does not hold up the rest. */
  async function pushAll(): Promise<number> {
    let pushed = 0;
    let sentUpTo = 0;
    for (;;) {
      const batch = await nextBatch(store, sentUpTo);
      sentUpTo = batch.counters.at(-1) ?? sentUpTo;
      if (batch.changes.length === 0) return pushed;
      const askedAtMs = now();
      const answer = await push(session, batch);
      await requireOwnHistory(store, answer);
      const results = matchResults(batch, answer);
      await store.settle(results);
      await store.writeSync({ clockSkewMs: clockSkew(answer.serverTime, askedAtMs, now()) });
      pushed += results.filter(({ rejected }) => rejected === undefined).length;
    }
  }

  async function pullAll(): Promise<{ pulled: number; conflicts: number }> {
    const changed = new Map<string, boolean>();
    let resyncs = 0;
    for (let hasMore = true; hasMore; ) {
      try {
        hasMore = await pullPage(changed);
      } catch (error) {
        if (!isLostCursor(error) || resyncs >= resyncsMax) throw error;
        resyncs += 1;
        await store.forgetCursor();
      }
    }
    const conflicts = [...changed.values()].filter((isConflict) => isConflict).length;
    return { pulled: changed.size, conflicts };
  }

  async function pullPage(seen: Map<string, boolean>): Promise<boolean> {
    const before = await store.readSync();
    const page = await pull(session, before.cursor);
    const { changed, missing } = await store.applyPage(page.changes, { ...before, cursor: page.cursor });
    for (const { kind, id, newConflict } of changed) seen.set(`${kind}/${id}`, newConflict !== undefined);
    onPulled(changed);
    if (missing.length > 0) await refreshKeys();
    return page.hasMore;
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

  return {
    async run() {
      // The clock may have been set back since, which would make keys of yesterday look like those of tomorrow.
      if (Math.abs(now() - keysCheckedAtMs) > keysMaxAgeMs) await refreshKeys();
      const { cloned = false } = await store.readSync();
      // Reading is safe for a copy of a store; sending is not. So it pulls, and then says what is wrong.
      const pushing = cloned ? Promise.reject(deviceCloned()) : pushAll();
      const push = await pushing.then(
        (pushed) => ({ pushed }),
        (error: unknown) => {
          if (!hasCode(error, 'sync.device_cloned')) throw error;
          return { error };
        },
      );
      const { pulled, conflicts } = await pullAll();
      if ('error' in push) throw push.error;
      await pushJoins();
      await store.writeSync({ lastSyncedAt: new Date(now()).toISOString() });
      return { pushed: push.pushed, pulled, conflicts };
    },
  };
}

async function nextBatch(store: VaultStore, after: number): Promise<Batch> {
  const changes: QueuedChange['change'][] = [];
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
    changes.push(queued.change);
    counters.push(counter);
  }
  return { changes, counters };
}

/** As many as one push takes, and always one. */
function firstOf(changes: readonly QueuedChange['change'][]): QueuedChange['change'][] {
  let bytes = 0;
  return changes.slice(0, syncLimits.changesPerPushMax).filter((change, at) => {
    bytes += JSON.stringify(change).length + 1;
    return at === 0 || bytes <= pushBytesMax;
  });
}

function push(session: Session, { changes }: Pick<Batch, 'changes'>): Promise<PushResponse> {
  return session.request({
    method: 'POST',
    path: '/api/v1/sync/push',
    body: { changes },
    answer: isPushResponse,
    // The server knows each change by its clock, so a second arrival is a duplicate and nothing else.
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

/**
 * A server that knows a higher counter of this device than the device itself has seen another copy of this store at
 * work. What the copy sends could be taken for old news and dropped, so nothing is taken out of the queue any more.
 */
async function requireOwnHistory(store: VaultStore, { counter, results }: PushResponse): Promise<void> {
  const isReused = results.some(({ code }) => code === 'sync.clock_reused');
  if (counter <= (await store.counter()) && !isReused) return;
  await store.writeSync({ cloned: true });
  throw deviceCloned();
}

function deviceCloned(): AlcoveError {
  return new AlcoveError(
    'sync.device_cloned',
    'This store is a copy of another one, or an old state of itself: the server has newer changes of this device. ' +
      'It still receives, but sends nothing. Pair this device anew with a fresh store; its unsynced edits stay here.',
  );
}

function matchResults({ changes, counters }: Batch, { results }: PushResponse) {
  if (results.length !== changes.length) throw misunderstood();
  return counters.map((counter, at) => {
    const result = results[at];
    if (result === undefined || result.id !== changes[at]?.id) throw misunderstood();
    return { counter, ...refusalOf(result) };
  });
}

/** Every other status means that the server holds the change, or a later one that has seen it. */
function refusalOf({ status, code, detail }: PushResult) {
  if (status !== 'rejected') return {};
  return { rejected: { code: code ?? 'sync.rejected', detail: detail ?? 'The server gave no reason.' } };
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
