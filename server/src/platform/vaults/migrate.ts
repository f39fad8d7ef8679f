/** Brings a vault to the schema of this server when it is opened. */
import { readdirSync } from 'node:fs';
import type { OpenVault } from './database.ts';
import { vaultDamaged, vaultNewer } from './errors.ts';

/** One numbered file of the migrations folder. */
export interface VaultMigration {
  readonly version: number;
  readonly name: string;
  readonly up: readonly string[];
}

export async function readVaultMigrations(directory: URL): Promise<VaultMigration[]> {
  const files = readdirSync(directory).filter((file) => /^\d{4}_\w+\.ts$/.test(file));
  return Promise.all(
    files.sort().map(async (file) => {
      const { up } = await import(new URL(file, directory).href);
      return { version: Number(file.slice(0, 4)), name: file.replace(/\.ts$/, ''), up };
    }),
  );
}

/** Applies what is missing, in one transaction. */
export function migrateVault(
  vault: OpenVault,
  migrations: readonly VaultMigration[],
  options: { create: boolean },
): void {
  const missing = listMissing(migrations, readVersion(vault), options);
  if (missing.length > 0) apply(vault, missing);
}

/**
 * What a vault of this version lacks. A vault without a schema is only right at its creation: later it means that its
 * file was truncated, and going on would serve an empty vault as if nothing had ever been there.
 */
export function listMissing(
  migrations: readonly VaultMigration[],
  version: number,
  { create }: { create: boolean },
): readonly VaultMigration[] {
  if (version === 0 && !create)
    throw vaultDamaged('The vault has lost its schema. Restore it from a backup.');
  const newest = newestVersion(migrations);
  if (version > newest) {
    throw vaultNewer(
      `The vault is at version ${version}, this server knows up to ${newest}. Start the newer one.`,
    );
  }
  return migrations.filter((migration) => migration.version > version);
}

/** What a vault is at once it has been opened. */
export const newestVersion = (migrations: readonly VaultMigration[]): number =>
  migrations.at(-1)?.version ?? 0;

/** 0 where there is no schema at all. */
export function readVersion(vault: OpenVault): number {
  const table = vault.statement(
    `SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_version'`,
  );
  if (table.get() === undefined) return 0;
  return (
    vault.statement<{ version: number }>('SELECT max(version) AS version FROM schema_version').get()
      ?.version ?? 0
  );
}

function apply(vault: OpenVault, migrations: readonly VaultMigration[]): void {
  vault.transaction(() => {
    vault.execute(
      `CREATE TABLE IF NOT EXISTS schema_version (
        version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL) STRICT`,
    );
    for (const migration of migrations) {
      for (const sql of migration.up) vault.execute(sql);
      vault
        .statement(`INSERT INTO schema_version VALUES (?, ?, strftime('%Y-%m-%dT%H:%M:%fZ'))`)
        .run(migration.version, migration.name);
    }
  });
}
