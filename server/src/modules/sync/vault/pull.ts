/** Reads the feed of changes, page by page. */
import type { Kind } from '@alcove/contract';
import type { VaultDatabase } from '../../../platform/vaults/index.ts';
import { type History, type Position, readCursor, writeCursor } from './cursor.ts';
import { isTidyDue } from './tidy.ts';
import { createVaultStore, type Stretch, type VaultState, type VaultStore } from './vault-store.ts';

export interface PullInput {
  readonly cursor: string | undefined;
  readonly limit: number;
  readonly kinds: readonly Kind[];
  /** The cursor up to which the calling device has stored everything. */
  readonly acknowledged: string | undefined;
  readonly deviceId: string;
  readonly nowMs: number;
}

export interface PullOutput {
  readonly json: Uint8Array;
  /** Whether somebody should look what can be forgotten now. */
  readonly isTidyDue: boolean;
}

/** A page is also bounded by what its items weigh, so that 500 large ones do not fill the memory of a phone. */
export const pageBytesMax = 4 * 1024 * 1024;

export function pull(vault: VaultDatabase, input: PullInput): PullOutput {
  const store = createVaultStore(vault);
  const state = store.getState();
  const isNews =
    input.acknowledged !== undefined && acknowledge(vault, store, input, input.acknowledged, state);
  const from =
    input.cursor === undefined ? beginning(state) : readCursor(input.cursor, state, store.findSharedHead);
  const stretch = { kinds: input.kinds, afterSeq: from.seq, quietUpTo: from.quietUpTo };
  const { lastSeq, hasMore } = choosePage(store, stretch, input.limit);
  const seq = hasMore ? lastSeq : state.head;
  const cursor = writeCursor(state.generation, {
    seq,
    quietUpTo: seq < from.quietUpTo ? from.quietUpTo : 0,
  });
  const serverTime = new Date(input.nowMs).toISOString();
  const rest = { cursor, hasMore, conflictsOpen: state.conflictsOpen, serverTime };
  return {
    json: store.writePage(stretch, lastSeq, rest),
    isTidyDue: isNews && isTidyDue(store, state, input.nowMs),
  };
}

const beginning = (history: History): Position => ({ seq: 0, quietUpTo: history.head });

/** Written only when it says something new: most pulls find nothing and should cost no write. */
function acknowledge(
  vault: VaultDatabase,
  store: VaultStore,
  input: PullInput,
  cursor: string,
  state: VaultState,
): boolean {
  const { seq } = readCursor(cursor, state, store.findSharedHead);
  if (seq <= (store.devices.findAcknowledged(input.deviceId) ?? -1)) return false;
  const at = new Date(input.nowMs).toISOString();
  vault.transaction(() => store.devices.acknowledge(input.deviceId, seq, at));
  return true;
}

interface PageEnd {
  readonly lastSeq: number;
  readonly hasMore: boolean;
}

/** Weighs before it reads: how many of the next items fit into one answer. */
function choosePage(store: VaultStore, stretch: Stretch, limit: number): PageEnd {
  const { count, lastSeq, weight } = store.measure(stretch, limit);
  if (lastSeq === null) return { lastSeq: stretch.afterSeq, hasMore: false };
  if (weight > pageBytesMax) return chooseHeavyPage(store, stretch, limit);
  return { lastSeq, hasMore: count === limit && store.hasAny({ ...stretch, afterSeq: lastSeq }) };
}

/** As many as stay below the bound, and at least one: an item that is larger by itself has to travel too. */
function chooseHeavyPage(store: VaultStore, stretch: Stretch, limit: number): PageEnd {
  let lastSeq = stretch.afterSeq;
  let weightSum = 0;
  for (const { seq, weight } of store.weigh(stretch, limit)) {
    weightSum += weight;
    if (weightSum > pageBytesMax && lastSeq > stretch.afterSeq) return { lastSeq, hasMore: true };
    lastSeq = seq;
  }
  return { lastSeq, hasMore: store.hasAny({ ...stretch, afterSeq: lastSeq }) };
}
