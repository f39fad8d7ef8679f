/** Copies of vaults, made while they are in use. */
import { closeSync, existsSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { findDamageIn, type OpenVault } from './database.ts';
import { backupFailed, vaultDamaged } from './errors.ts';
import { makeFolder, syncPath } from './files.ts';
import { findDiskFailure } from './sqlite-errors.ts';

/** Writes the vault as it is now to `file`, in place of what was there. Until the copy is whole and safe, that stays. */
export function backUp(vault: OpenVault, file: string): { readonly sizeBytes: number } {
  const partial = `${file}.partial`;
  try {
    makeFolder(dirname(file));
    rmSync(partial, { force: true });
    closeSync(openSync(partial, 'wx', 0o600));
    vault.copyInto(partial);
    return keepCopy(partial, file);
  } catch (error) {
    if (existsSync(partial)) rmSync(partial);
    throw explain(error, file);
  }
}

/** Gives a finished copy its name, once it is whole and safe. */
export function keepCopy(partial: string, file: string): { readonly sizeBytes: number } {
  requireWhole(partial);
  syncPath(partial);
  renameSync(partial, file);
  syncPath(dirname(file));
  return { sizeBytes: statSync(file).size };
}

function requireWhole(copy: string): void {
  const damage = findDamageIn(copy);
  if (damage !== undefined) throw new Error(`the copy is not whole: ${damage}`);
}

/** That the vault is damaged concerns the vault; any other trouble is with the place that the copy goes to. */
function explain(error: unknown, file: string): Error {
  const trouble = findDiskFailure(error);
  if (trouble?.code === vaultDamaged().code) return trouble;
  const reason = error instanceof Error ? error.message : String(error);
  return backupFailed({ detail: `${file} could not be written: ${reason}.`, cause: error });
}
