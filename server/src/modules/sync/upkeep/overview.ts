/** How the vaults are, as far as the control database knows. */
import type { VaultList, VaultListQuery, VaultProgress, VaultState } from '@alcove/contract/vaults';
import { asSystem, type Ctx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import * as store from './upkeep-store.ts';

export interface Overview {
  list(ctx: Ctx, query: VaultListQuery): Promise<VaultList>;
  progress(ctx: Ctx): Promise<VaultProgress>;
}

const pageDefault = 50;

export function createOverview(newestVersion: number, clock: Clock): Overview {
  return {
    async list(ctx, { cursor, account, only, limit = pageDefault }) {
      // One row more than asked for tells whether there is another page.
      const filter = { after: cursor, accountId: account, troubled: only === 'troubled', limit: limit + 1 };
      const rows = await asSystem(ctx, (tx) => store.listVaults(tx, filter));
      const page = rows.slice(0, limit);
      return {
        data: page.map(stateOf),
        nextCursor: rows.length > limit ? (page.at(-1)?.name ?? null) : null,
      };
    },

    async progress(ctx) {
      const now = new Date(clock.now());
      const { total, current, troubled, untidy } = await asSystem(ctx, (tx) =>
        store.countVaults(tx, newestVersion, now),
      );
      return {
        schemaVersion: newestVersion,
        total,
        current,
        waiting: total - current - troubled,
        troubled,
        untidy,
      };
    },
  };
}

function stateOf(row: store.VaultRow): VaultState {
  return {
    name: row.name,
    schemaVersion: row.schema_version,
    trouble: troubleOf(row),
    tidiedAt: row.tidied_at?.toISOString() ?? null,
    tidyAt: row.tidy_at.toISOString(),
  };
}

function troubleOf({ trouble_code, trouble_since, migrate_attempts, migrate_at }: store.VaultRow) {
  if (trouble_code === null || trouble_since === null) return null;
  return {
    code: trouble_code,
    since: trouble_since.toISOString(),
    attempts: migrate_attempts ?? 0,
    retryAt: (migrate_at ?? trouble_since).toISOString(),
  };
}
