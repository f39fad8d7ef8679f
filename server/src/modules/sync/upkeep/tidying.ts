/**
 * Tidies vaults that nobody comes to: whose devices stopped acknowledging what they read, or are gone. Those in use are
 * tidied behind their pulls, and so are hardly ever due here.
 */
import { asSystem } from '../../../context.ts';
import type { VaultPool } from '../../../platform/vaults/index.ts';
import type { Devices } from '../../identity/index.ts';
import type { SyncOperations } from '../vault/program.ts';
import { silentAfterMs } from '../vault/silence.ts';
import { createSweep, type Sweep, type SweepParts } from './sweep.ts';
import * as store from './upkeep-store.ts';

export interface TidyingParts extends SweepParts {
  readonly vaults: Pick<VaultPool<SyncOperations>, 'visit'>;
  readonly devices: Pick<Devices, 'listHeardSince'>;
}

const dayMs = 24 * 60 * 60 * 1000;

export function createTidying(parts: TidyingParts): Sweep {
  const { vaults, devices, clock } = parts;
  return createSweep(
    {
      name: 'sync.tidy-vaults',
      cron: '*/10 * * * *',
      // Nothing here is urgent: one that fails, or was somebody's who died, has time until tomorrow.
      claimMs: dayMs,
      // After a service was off for months all of them are due.
      vaultsPerRunMax: 1000,
      claim: store.claimUntidy,
      async doOne(ctx, { name, accountId }) {
        const nowMs = clock.now();
        const since = new Date(nowMs - silentAfterMs);
        const awaited = await asSystem(ctx, (tx) => devices.listHeardSince(tx, accountId, since));
        const { nextAtMs } = await vaults.visit(name, 'tidy', { awaited, nowMs });
        const tidied = { at: new Date(nowMs), nextAt: new Date(nextAtMs) };
        await asSystem(ctx, (tx) => store.noteTidied(tx, name, tidied));
      },
    },
    parts,
  );
}
