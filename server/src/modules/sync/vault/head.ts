/** How far a vault has come, for those who are told when it moves. */
import type { VaultDatabase } from '../../../platform/vaults/index.ts';
import { writeCursor } from './cursor.ts';
import { createVaultStore } from './vault-store.ts';

export interface VaultHead {
  readonly generation: string;
  readonly cursor: string;
  /** When the newest conflict was detected; empty where there never was one. */
  readonly conflictAt: string;
}

export function head(vault: VaultDatabase, _input: undefined): VaultHead {
  const store = createVaultStore(vault);
  const { generation, head: seq } = store.getState();
  return {
    generation,
    cursor: writeCursor(generation, { seq, quietUpTo: 0 }),
    conflictAt: store.conflicts.findNewestAt(),
  };
}
