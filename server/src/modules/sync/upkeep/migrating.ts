/** Brings every vault to the newest schema, so that those nobody opens do not stay behind. */
import { asSystem } from '../../../context.ts';
import type { VaultPool } from '../../../platform/vaults/index.ts';
import type { SyncOperations } from '../vault/program.ts';
import { createSweep, type Sweep, type SweepParts } from './sweep.ts';
import * as store from './upkeep-store.ts';

export interface MigratingParts extends SweepParts {
  readonly vaults: Pick<VaultPool<SyncOperations>, 'migrate' | 'newestVersion'>;
}

export function createMigrating(parts: MigratingParts): Sweep {
  const { vaults } = parts;
  const version = vaults.newestVersion;
  return createSweep(
    {
      name: 'sync.migrate-vaults',
      cron: '*/5 * * * *',
      claimMs: 10 * 60_000,
      vaultsPerRunMax: Number.POSITIVE_INFINITY,
      claim: (tx, claim) => store.claimOutdated(tx, version, claim),
      async doOne(ctx, { name }) {
        await vaults.migrate(name);
        await asSystem(ctx, (tx) => store.noteMigrated(tx, name, version));
      },
    },
    parts,
  );
}
