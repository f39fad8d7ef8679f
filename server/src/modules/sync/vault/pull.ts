/** Reads the feed of changes, page by page. */
import type { Kind } from '@alcove/contract';
import type { VaultDatabase } from '../../../platform/vaults/index.ts';
import { type History, type Position, readCursor, writeCursor } from './cursor.ts';
import { createVaultStore, type VaultStore } from './vault-store.ts';

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
}

/** A page is also bounded by what its items weigh, so that 500 large ones do not fill the memory of a phone. */
const pageBytesMax = 4 * 1024 * 1024;

export function pull(vault: VaultDatabase, input: PullInput): PullOutput {
  const store = createVaultStore(vault);
  const history = store.getHistory();
  if (input.acknowledged !== undefined) acknowledge(vault, store, input, input.acknowledged, history);
  const from = input.cursor === undefined ? beginning(history) : readCursor(input.cursor, history);
  const page = choosePage(store, input, from);
  const seq = page.hasMore ? page.lastSeq : history.head;
  const cursor = writeCursor(history.generation, {
    seq,
    quietUpTo: seq < from.quietUpTo ? from.quietUpTo : 0,
  });
  const tail = JSON.stringify({ cursor, hasMore: page.hasMore, conflictsOpen: store.countOpenConflicts() });
  const items = page.lastSeq === from.seq ? none : store.readPageJson(page.stretch, page.lastSeq);
  return { json: Buffer.concat([head, items, Buffer.from(`],${tail.slice(1)}`)]) };
}

const head = Buffer.from('{"changes":[');
const none = new Uint8Array();

const beginning = (history: History): Position => ({ seq: 0, quietUpTo: history.head });

/** Written only when it says something new: most pulls find nothing and should cost no write. */
function acknowledge(
  vault: VaultDatabase,
  store: VaultStore,
  input: PullInput,
  cursor: string,
  history: History,
): void {
  const { seq } = readCursor(cursor, history);
  if (seq <= (store.findAcknowledged(input.deviceId) ?? -1)) return;
  vault.transaction(() => store.acknowledge(input.deviceId, seq, new Date(input.nowMs).toISOString()));
}

/** Weighs before it reads: how many of the next items fit into one answer. */
function choosePage(store: VaultStore, input: PullInput, from: Position) {
  const stretch = { kinds: input.kinds, afterSeq: from.seq, quietUpTo: from.quietUpTo };
  let lastSeq = from.seq;
  let weightSum = 0;
  let count = 0;
  for (const { seq, weight } of store.weigh(stretch, input.limit + 1)) {
    weightSum += weight;
    const isFull = count === input.limit || (count > 0 && weightSum > pageBytesMax);
    if (isFull) return { stretch, lastSeq, hasMore: true };
    lastSeq = seq;
    count += 1;
  }
  return { stretch, lastSeq, hasMore: false };
}
