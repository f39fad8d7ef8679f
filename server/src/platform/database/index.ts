export {
  createDatabase,
  type Database,
  type DatabaseOptions,
  type Tenant,
  type Transaction,
} from './database.ts';
export { createMigrator, type Migration, type MigrationPlan, type Migrator } from './migrator.ts';
export { countByKey, type KeyMark, resealColumn, type SealedColumn } from './reseal.ts';
export { proveTenancy } from './tenancy.ts';
