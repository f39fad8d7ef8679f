/** How a vault stands, for showing it to people. */
import type { AlcoveError } from './errors.ts';
import { type ItemRef, itemKey } from './items.ts';
import type { LiveState } from './live.ts';
import type { VaultStore } from './vault-store/index.ts';

/** What the server tolerates of a clock that runs ahead. */
const skewMsMax = 5 * 60_000;

/** How the vault stands. */
export interface VaultStatus {
  /** End of the last whole sync, RFC 3339 UTC, by this device's clock. */
  readonly lastSyncedAt?: string;
  readonly isSyncing: boolean;
  /** Items with changes that the server has not confirmed. */
  readonly unsynced: number;
  /** Those of them that the server refused the last time, with its reason. They stay, and are tried again. */
  readonly rejected: readonly (ItemRef & { readonly code: string; readonly detail: string })[];
  /** By how many milliseconds this device's clock runs ahead of the server's (negative: behind), as last measured. */
  readonly clockSkewMs?: number;
  /** True when that is more than five minutes: the times of edits are wrong, and who edited last may be misjudged. */
  readonly clockIsWrong: boolean;
  /** True while this store, which turned out to be a copy of another one, becomes a device of its own: a sync does it. */
  readonly isCloned: boolean;
  /**
   * Whether news of other devices come by themselves: `off` without `startAutoSync`, and while no such connection can be
   * made, when it asks from time to time instead.
   */
  readonly live: LiveState;
  /** Why the last sync failed. */
  readonly lastError?: AlcoveError;
}

/** What only the client itself knows of how things stand. */
interface Running {
  readonly isSyncing: boolean;
  readonly live: LiveState;
  readonly lastError: AlcoveError | undefined;
}

export async function readStatus(
  store: VaultStore,
  { isSyncing, live, lastError }: Running,
): Promise<VaultStatus> {
  const { lastSyncedAt, clockSkewMs, cloned = false } = await store.readSync();
  const queue = await store.queue();
  const resends = await store.resends();
  const waiting = [...queue, ...resends.map(({ change, ...resend }) => ({ ...change, ...resend }))];
  return {
    isSyncing,
    unsynced: new Set(waiting.map(itemKey)).size,
    rejected: waiting.flatMap(({ kind, id, rejected }) => (rejected ? [{ kind, id, ...rejected }] : [])),
    isCloned: cloned,
    clockIsWrong: isFarOff(clockSkewMs),
    live,
    ...(lastSyncedAt === undefined ? {} : { lastSyncedAt }),
    ...(clockSkewMs === undefined ? {} : { clockSkewMs }),
    ...(lastError === undefined ? {} : { lastError }),
  };
}

export function isFarOff(clockSkewMs = 0): boolean {
  return Math.abs(clockSkewMs) > skewMsMax;
}
