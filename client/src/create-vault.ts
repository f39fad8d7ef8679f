/** Makes a vault: its calls, its events, and what it tells the other tabs. */
import { type AutoSyncParts, createAutoSync } from './auto-sync.ts';
import { untilAborted } from './backoff.ts';
import type { Edit } from './edits.ts';
import { AlcoveError } from './errors.ts';
import { inChunks, requireRef, toEdit, toEnd } from './item-input.ts';
import { itemKey } from './items.ts';
import type { LiveChannel, LiveState } from './live.ts';
import type { SyncEngine, SyncResult } from './sync.ts';
import type { TabMessage, Tabs, ToldChange } from './tabs.ts';
import type { Vault } from './vault.ts';
import { createEvents } from './vault-events.ts';
import { isFarOff, readStatus } from './vault-status.ts';
import type { ItemChange, VaultStore } from './vault-store/index.ts';

const statusEveryMs = 100;

export interface VaultParts {
  readonly store: VaultStore;
  readonly createEngine: (onPulled: (changed: readonly ItemChange[]) => void) => SyncEngine;
  readonly channel: LiveChannel;
  readonly joinTabs: (onMessage: (message: TabMessage) => void) => Tabs;
  readonly lead: AutoSyncParts['lead'];
  readonly random: () => number;
  readonly closed: AbortSignal;
}

/** The vault, and a way to wait until nothing of it is under way. */
export function createVault({ store, createEngine, channel, joinTabs, lead, random, closed }: VaultParts): {
  vault: Vault;
  idle: () => Promise<void>;
} {
  const { on, emit, isHeard, isHeardAtAll } = createEvents(heed);
  const engine = createEngine((changed) => announce(changed, 'remote'));
  let running: Promise<SyncResult> | undefined;
  let lastError: AlcoveError | undefined;
  let live: LiveState = 'off';
  let isStatusDue = false;
  let autoSyncs = 0;
  const tabs = joinTabs(hearTab);
  closed.addEventListener('abort', tabs.close, { once: true });
  const autoSync = createAutoSync({
    sync,
    isAt: async (cursor) => (await store.readSync()).cursor === cursor,
    doubtKeys: engine.doubtKeys,
    channel,
    onState(state) {
      live = state;
      void announceStatus();
    },
    lead,
    random,
  });

  /** Other programs are listened to only while somebody here cares. */
  function heed(): void {
    if (!closed.aborted) tabs.listen(isHeardAtAll() || autoSyncs > 0);
  }

  function tell(message: TabMessage): void {
    if (!closed.aborted) tabs.post(message);
  }

  /** What another tab did counts as done by this app. */
  function hearTab(message: TabMessage): void {
    if (message.type === 'hello') return void (autoSync.isLeading() && announceStatus());
    if (message.type === 'changes') return void repeatChanges(message.changes);
    live = message.live ?? live;
    lastError = message.error && new AlcoveError(message.error.code, message.error.message);
    emitStatusSoon();
  }

  async function repeatChanges(changes: readonly ToldChange[]): Promise<void> {
    for (const { kind, id, origin } of changes) emit('change', { kind, id, origin });
    emitStatusSoon();
    if (changes.some(({ origin }) => origin === 'local')) autoSync.noticeEdit();
    const inConflict = new Set(changes.filter(({ isConflict }) => isConflict).map(itemKey));
    if (inConflict.size === 0 || !isHeard('conflict') || closed.aborted) return;
    const conflicts = await store.conflicts();
    for (const conflict of conflicts) if (inConflict.has(itemKey(conflict))) emit('conflict', conflict);
  }

  function announce(changed: readonly ItemChange[], origin: 'local' | 'remote') {
    for (const { kind, id, newConflict } of changed) {
      emit('change', { kind, id, origin });
      if (newConflict !== undefined) emit('conflict', newConflict);
    }
    if (changed.length > 0)
      tell({ type: 'changes', changes: changed.map((change) => toTold(change, origin)) });
    if (origin === 'local') autoSync.noticeEdit();
  }

  const status = () => readStatus(store, { isSyncing: running !== undefined, live, lastError });

  /** Counting the queue for nobody would make long imports slow. */
  async function emitStatus(): Promise<void> {
    if (isHeard('status') && !closed.aborted) emit('status', await status());
  }

  /** Another tab may do much in a moment, and each time the queue is counted anew. */
  function emitStatusSoon(): void {
    if (isStatusDue) return;
    isStatusDue = true;
    setTimeout(() => {
      isStatusDue = false;
      void emitStatus();
    }, statusEveryMs);
  }

  async function announceStatus(): Promise<void> {
    const error = lastError && { code: lastError.code, message: lastError.message };
    const known = autoSync.isLeading() ? { live } : {};
    tell({ type: 'status', ...known, ...(error === undefined ? {} : { error }) });
    await emitStatus();
  }

  async function write(edits: readonly Edit[]): Promise<void> {
    announce(await store.write(edits), 'local');
    await emitStatus();
  }

  async function runSync(): Promise<SyncResult> {
    const { clockSkewMs: before } = await store.readSync();
    try {
      const result = await engine.run();
      lastError = undefined;
      return result;
    } catch (error) {
      if (error instanceof AlcoveError) lastError = error;
      throw error;
    } finally {
      if (!closed.aborted) announceClock(before, (await store.readSync()).clockSkewMs);
    }
  }

  function announceClock(before: number | undefined, skewMs: number | undefined): void {
    const isWrong = isFarOff(skewMs);
    if (skewMs !== undefined && isWrong !== isFarOff(before)) emit('clock', { isWrong, skewMs });
  }

  /** One sync at a time. A caller's signal ends its own waiting only, for others may wait for the same sync. */
  function sync({ signal }: { signal?: AbortSignal } = {}): Promise<SyncResult> {
    if (running === undefined) {
      running = runSync().finally(() => {
        running = undefined;
        return announceStatus();
      });
      void announceStatus();
    }
    return signal === undefined ? running : untilAborted(running, signal);
  }

  tell({ type: 'hello' });

  const vault: Vault = {
    on,
    sync,
    status,
    async put(item) {
      const edit = toEdit(item);
      await write([edit]);
      return { id: edit.id };
    },
    async putMany(items, { onProgress } = {}) {
      const ids: string[] = [];
      for await (const chunk of inChunks(items)) {
        await write(chunk);
        ids.push(...chunk.map(({ id }) => id));
        onProgress?.(ids.length);
      }
      return ids;
    },
    async delete(kind, id, { basedOn } = {}) {
      requireRef(kind, id);
      await write([{ kind, id, ...(basedOn === undefined ? {} : { basedOn }) }]);
    },
    getMany: (refs) => store.findMany(refs),
    deriveId: (name) => store.deriveId(name),
    each: (kind) => store.each(kind),
    conflicts: () => store.conflicts(),
    async resolve({ kind, id, version }, resolution) {
      await write([toEnd({ kind, id, basedOn: version }, resolution)]);
    },
    get: (kind, id) => store.find(kind, id),
    list: (kind) => store.list(kind),
    startAutoSync({ intervalMs = 30_000, live = true } = {}) {
      const stop = new AbortController();
      const stopped = AbortSignal.any([stop.signal, closed]);
      // It ends by being aborted, and that is no failure.
      const running = autoSync.run({ intervalMs, live }, stopped).catch(() => undefined);
      autoSyncs += 1;
      heed();
      void running.finally(() => {
        autoSyncs -= 1;
        heed();
      });
      return () => stop.abort();
    },
  };
  return {
    vault,
    idle: async () => {
      await running?.catch(() => undefined);
      await store.idle();
    },
  };
}

function toTold({ kind, id, newConflict }: ItemChange, origin: 'local' | 'remote'): ToldChange {
  return { kind, id, origin, isConflict: newConflict !== undefined };
}
