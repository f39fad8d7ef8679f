/** What becomes of concurrent versions of entries: a person decides, or the last writer leads. */
import type { SyncPolicy } from '@alcove/contract';
import type { VaultDatabase } from '../../../platform/vaults/index.ts';
import { createVaultStore, type VaultStore } from './vault-store.ts';

export interface PolicyInput extends SyncPolicy {
  readonly nowMs: number;
}

export interface SettleInput {
  readonly nowMs: number;
}

export interface SettleOutput {
  /** Whether no conflict is left that the policy settles. */
  readonly isSettled: boolean;
}

/** What one step takes on: as much as a push, so that the vault's other calls wait no longer than for one. */
export const settledPerStepMax = 500;

/**
 * With `last-writer-wins` nothing is left to decide, so open conflicts are settled. Their versions stay, and the items move
 * to the end of the feed, because every device is to see that nobody waits for a decision any more. Back to `manual` opens
 * none again: it holds for what becomes concurrent from then on.
 */
export function setPolicy(vault: VaultDatabase, { entries, nowMs }: PolicyInput): SettleOutput {
  const store = createVaultStore(vault);
  return vault.transaction(() => {
    store.setEntriesPolicy(entries);
    return { isSettled: settleSome(store, nowMs) };
  });
}

export function settle(vault: VaultDatabase, { nowMs }: SettleInput): SettleOutput {
  const store = createVaultStore(vault);
  return vault.transaction(() => ({ isSettled: settleSome(store, nowMs) }));
}

/**
 * The oldest come first. Between two steps some conflicts are open still and can be resolved, or end with the next version
 * of their item, as the policy has it; so nothing depends on when the rest follows, or on who sees to it.
 */
export function settleSome(store: VaultStore, nowMs: number): boolean {
  const state = store.getState();
  if (state.entriesPolicy === 'manual' || state.conflictsOpen === 0) return true;
  const open = store.conflicts.list('open', '', settledPerStepMax);
  const at = new Date(nowMs).toISOString();
  let { head } = state;
  for (const { kind, itemId } of open) {
    head += 1;
    store.items.move(kind, itemId, head);
    store.conflicts.resolve(kind, itemId, at);
  }
  store.setExtent({ ...state, head, conflictsOpen: state.conflictsOpen - open.length });
  return open.length < settledPerStepMax;
}
