/** Prepares a copy of a vault to take the vault's place. */
import { chmodSync, copyFileSync, existsSync, statSync } from 'node:fs';
import { type OpenVault, openDatabase, type VaultDatabase } from './database.ts';
import { backupUnusable, vaultDiskFull } from './errors.ts';
import { incomingFile, prepareFolderOf, removeDatabase } from './files.ts';
import { migrateVault, newestVersion, readVersion, type VaultMigration } from './migrate.ts';
import { findDiskFailure } from './sqlite-errors.ts';

/**
 * Copies `source` beside the vault, makes sure that it is whole, brings it up to date and lets `prepare` mark it. The vault
 * itself is not touched: that this was cut off shows in nothing but a file that the next restore overwrites.
 */
export function prepareIncoming<T>(
  file: string,
  source: string,
  parts: { readonly migrations: readonly VaultMigration[]; readonly prepare: (vault: VaultDatabase) => T },
): T {
  const incoming = incomingFile(file);
  prepareFolderOf(file);
  removeDatabase(incoming);
  try {
    copy(source, incoming);
    const vault = openDatabase(incoming, { create: false });
    try {
      requireVault(vault, parts.migrations);
      migrateVault(vault, parts.migrations, { create: false });
      return parts.prepare(vault);
    } finally {
      vault.close();
    }
  } catch (error) {
    removeDatabase(incoming);
    throw explain(error);
  }
}

/** A folder copied by hand may hold a vault together with the log of its last changes. */
function copy(source: string, incoming: string): void {
  // Reading a pipe would wait for a writer, and this thread with all its vaults.
  if (!statSync(source).isFile()) throw backupUnusable('It is no ordinary file.');
  copyFileSync(source, incoming);
  if (existsSync(`${source}-wal`)) copyFileSync(`${source}-wal`, `${incoming}-wal`);
  chmodSync(incoming, 0o600);
}

function requireVault(vault: OpenVault, migrations: readonly VaultMigration[]): void {
  const damage = vault.findDamage();
  if (damage !== undefined) throw backupUnusable(`It is damaged: ${damage}.`);
  const version = readVersion(vault);
  if (version === 0) throw backupUnusable('It is a database, but not a vault.');
  if (version > newestVersion(migrations))
    throw backupUnusable(`It is of a newer Alcove, at version ${version}. Restore it there.`);
}

function explain(error: unknown): unknown {
  const trouble = findDiskFailure(error);
  if (trouble === undefined && !isSystemError(error)) return error;
  if (trouble?.code === vaultDiskFull().code) return trouble;
  const reason = error instanceof Error ? error.message : String(error);
  return backupUnusable({ detail: `It cannot be read: ${reason}.`, cause: error });
}

/** Such as that there is no such file, or that it is a folder. */
const isSystemError = (error: unknown) => error instanceof Error && 'syscall' in error;
