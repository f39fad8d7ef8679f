/** What becomes of concurrent versions of entries: a person decides, or the last writer leads. */
import type { SyncPolicy } from '@alcove/contract';
import type { VaultDatabase } from '../../../platform/vaults/index.ts';
import { createVaultStore, type VaultStore } from './vault-store.ts';

export interface PolicyInput extends SyncPolicy {
  readonly nowMs: number;
}

/**
 * With `last-writer-wins` nothing is left to decide, so open conflicts are settled. Their versions stay, and the items move
 * to the end of the feed, because every device is to see that nobody waits for a decision any more. Back to `manual` opens
 * none again: it holds for what becomes concurrent from then on.
 */
export function setPolicy(vault: VaultDatabase, { entries, nowMs }: PolicyInput): void {
  const store = createVaultStore(vault);
  vault.transaction(() => {
    store.setEntriesPolicy(entries);
    if (entries === 'last-writer-wins') settleAll(store, new Date(nowMs).toISOString());
  });
}

function settleAll(store: VaultStore, at: string): void {
  const { head, items, bytes } = store.getState();
  let seq = head;
  for (const { kind, itemId } of store.conflicts.listOpen()) {
    seq += 1;
    store.moveItem(kind, itemId, seq);
    store.conflicts.resolve(kind, itemId, at);
  }
  store.setExtent({ head: seq, items, bytes });
}
