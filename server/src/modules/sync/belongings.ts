/** What the service keeps for an account outside of the control database: its vault's files. */
import type { VaultPool } from '../../platform/vaults/index.ts';
import type { Belongings } from '../identity/index.ts';
import { takeVault } from './store.ts';
import type { SyncOperations } from './vault/program.ts';

export const vaultKind = 'vault';

export function vaultBelongings(vaults: VaultPool<SyncOperations>): Belongings {
  return { kind: vaultKind, surrender: takeVault, remove: (name) => vaults.remove(name) };
}
