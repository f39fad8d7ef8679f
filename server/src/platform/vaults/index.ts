export { type Statement, type VaultDatabase, vaultUrl } from './database.ts';
export { vaultDamaged, vaultDiskFull, vaultOnItsWay } from './errors.ts';
export { createVaultName } from './files.ts';
export type { VaultHome } from './messages.ts';
export {
  createVaultPool,
  type Operations,
  type VaultPool,
  type VaultPoolOptions,
  type VaultStats,
} from './pool.ts';
export type { VaultDigest } from './remote/copies.ts';
export type { RemoteVaultsOptions } from './remote/databases.ts';
export type { Footprint, Footprints, Read } from './remote/footprint.ts';
