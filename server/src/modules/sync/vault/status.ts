/** What a vault says of itself. */
import type { SyncStatus } from '@alcove/contract';
import type { VaultDatabase } from '../../../platform/vaults/index.ts';
import { writeCursor } from './cursor.ts';
import { createVaultStore } from './vault-store.ts';

/** Everything but what the account may have. */
export type VaultStatus = Omit<SyncStatus, 'quotaItems' | 'quotaBytes'>;

/** Reads a handful of rows, however much the vault holds. */
export function status(vault: VaultDatabase, _input: undefined): VaultStatus {
  const store = createVaultStore(vault);
  const { items, bytes, generation, floor, head, conflictsOpen, entriesPolicy } = store.getState();
  return {
    items,
    bytes,
    generation,
    floor,
    cursor: writeCursor(generation, { seq: head, quietUpTo: 0 }),
    conflictsOpen,
    policy: { entries: entriesPolicy },
    devices: store.devices.list().map(({ id, acknowledgedSeq }) => ({ id, acknowledgedSeq })),
  };
}
