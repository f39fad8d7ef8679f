import { DatabaseSync } from 'node:sqlite';
import { vaultUrl } from '../platform/vaults/index.ts';

/** The file of a vault that this process may have open, past the program that owns it. It is waited for while it is locked. */
export function openVaultFile(file: string): DatabaseSync {
  return new DatabaseSync(vaultUrl(file, 'rw'), { timeout: 5000 });
}
