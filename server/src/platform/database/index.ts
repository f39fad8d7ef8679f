export {
  createDatabase,
  type Database,
  type DatabaseOptions,
  type Tenant,
  type Transaction,
} from './database.ts';
export { createMigrator, type Migration, type MigrationPlan, type Migrator } from './migrator.ts';
export { proveTenancy } from './tenancy.ts';
