/** Makes a copy that is about to take its vault's place the beginning of another history. */
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
  vault.transaction(() => createVaultStore(vault).branch(new Date(nowMs).toISOString()));
}
