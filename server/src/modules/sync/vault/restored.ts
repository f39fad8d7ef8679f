/** Makes a vault that went back in time the beginning of another history. */
import type { VaultDatabase } from '../../../platform/vaults/index.ts';
import { createVaultStore } from './vault-store.ts';

export interface RestoredInput {
  readonly nowMs: number;
}

/**
 * From here on the copy gives out sequence numbers that its original may have given to other changes. A device that comes
 * with a cursor of the original's is told to begin again, and up to where both histories are one.
 */
export function restored(vault: VaultDatabase, { nowMs }: RestoredInput): void {
  const store = createVaultStore(vault);
  vault.transaction(() => {
    store.rememberHistory();
    store.branch(new Date(nowMs).toISOString());
  });
}

/**
 * The same for a vault whose file was put back by hand, and which has gone on since with numbers that it had given out before.
 * Nobody knows up to where both histories are one, so nothing that it does not show counts as deleted.
 */
export function branched(vault: VaultDatabase, { nowMs }: RestoredInput): void {
  vault.transaction(() => createVaultStore(vault).branch(new Date(nowMs).toISOString()));
}
