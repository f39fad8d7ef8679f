/**
 * Syncs by itself: when another device wrote something, when this one did, and now and then in case nobody said so. Of
 * several tabs or processes on one store one does it for all; when it goes, another takes over.
 */
import type { LiveMessage } from '@alcove/contract';
import { createAlarm } from './alarm.ts';
import { backoffMs, wait } from './backoff.ts';
import { AlcoveError } from './errors.ts';
import { type LiveChannel, type LiveState, onNetworkChange } from './live.ts';

const failurePolicy = { baseMs: 1000, capMs: 5 * 60_000 };
/** What is written within this time travels together. */
const gatherMs = 150;
/** With the live channel, asking unbidden is only for what that might have missed. */
const quietFactor = 10;
/** How long a tab waits in vain for the lead, and until it tries again. */
const electionMs = 50;
const electionEveryMs = 1000;

export interface AutoSyncOptions {
  readonly intervalMs: number;
  readonly live: boolean;
}

export interface AutoSync {
  /** Runs until the signal aborts. */
  run(options: AutoSyncOptions, stopped: AbortSignal): Promise<void>;
  /** Whether this one syncs for all who share the store. */
  isLeading(): boolean;
  /** This device wrote something, in whatever tab. */
  noticeEdit(): void;
}

export interface AutoSyncParts {
  readonly sync: (options: { signal: AbortSignal }) => Promise<unknown>;
  /** Whether everything up to this cursor, and nothing after it, is here. */
  readonly isAt: (cursor: string) => Promise<boolean>;
  /** Makes the next sync look at the device log. */
  readonly doubtKeys: () => void;
  readonly channel: LiveChannel;
  readonly onState: (state: LiveState) => void;
  /** Runs work as the only one of those who share the store. `signal` ends the waiting for it. */
  readonly lead: (work: () => Promise<void>, signal: AbortSignal) => Promise<void>;
  readonly random: () => number;
}

export function createAutoSync(parts: AutoSyncParts): AutoSync {
  const { sync, isAt, doubtKeys, channel, onState, random } = parts;
  const news = createAlarm();
  const network = createAlarm();
  let isEdited = false;
  let isForced = false;
  let heardCursor: string | undefined;
  let state: LiveState = 'off';
  let isLeading = false;

  function hear({ type, cursor }: LiveMessage): void {
    if (type === 'device') doubtKeys();
    if (cursor === undefined || type === 'resync') isForced = true;
    else heardCursor = cursor;
    news.ring();
  }

  function force(): void {
    isForced = true;
    news.ring();
  }

  function setState(now: LiveState): void {
    if (now === state) return;
    state = now;
    if (now === 'connected') network.ring();
    // How long to wait depends on it.
    news.ring();
    onState(now);
  }

  /** Resolves when there is a reason to sync; an own change that comes back as news is none. */
  async function waitForReason(intervalMs: number, stopped: AbortSignal): Promise<void> {
    const since = performance.now();
    while (!stopped.aborted) {
      const pauseMs = state === 'connected' ? intervalMs * quietFactor : intervalMs;
      const leftMs = since + pauseMs - performance.now();
      if (leftMs <= 0 || isForced) break;
      if (isEdited) {
        await wait(gatherMs, stopped);
        break;
      }
      if (heardCursor !== undefined && !(await isAt(heardCursor))) break;
      heardCursor = undefined;
      await news.wait(leftMs, stopped);
    }
    isForced = false;
    isEdited = false;
    heardCursor = undefined;
  }

  async function syncForEver(intervalMs: number, stopped: AbortSignal): Promise<void> {
    for (let failures = 0; !stopped.aborted; ) {
      const retryAfterMs = await sync({ signal: stopped }).then(
        () => undefined,
        (error: unknown) => (error instanceof AlcoveError ? (error.retryAfterMs ?? 0) : 0),
      );
      failures = retryAfterMs === undefined ? 0 : failures + 1;
      if (failures === 0) await waitForReason(intervalMs, stopped);
      else {
        const pauseMs = backoffMs(failures, random, failurePolicy, retryAfterMs);
        await network.wait(Math.max(pauseMs, failurePolicy.baseMs), stopped);
      }
    }
  }

  async function lead({ intervalMs, live }: AutoSyncOptions, stopped: AbortSignal): Promise<void> {
    isLeading = true;
    const stopListening = onNetworkChange(network.ring);
    const listening = live
      ? channel.run({ onMessage: hear, onState: setState, onEnded: force }, stopped)
      : undefined;
    try {
      await syncForEver(intervalMs, stopped);
    } finally {
      stopListening();
      await listening;
      setState('off');
      isLeading = false;
    }
  }

  return {
    isLeading: () => isLeading,
    noticeEdit() {
      isEdited = true;
      news.ring();
    },
    async run(options, stopped) {
      while (!stopped.aborted) {
        const waiting = AbortSignal.any([stopped, AbortSignal.timeout(electionMs)]);
        // Another one leads, or the store cannot say: both may be different in a moment.
        await parts.lead(() => lead(options, stopped), waiting).catch(() => undefined);
        await wait(electionEveryMs, stopped);
      }
    },
  };
}
