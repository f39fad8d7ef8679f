export type { Statement, VaultDatabase } from './database.ts';
export { createVaultName } from './files.ts';
export {
  createVaultPool,
  type Operations,
  type VaultPool,
  type VaultPoolOptions,
  type VaultStats,
} from './pool.ts';
