/** Looking after all vaults: their schema, their copies, and how they are. */
import type { VaultProgress } from '@alcove/contract/vaults';
import { asSystem, type Ctx } from '../../../context.ts';
import type { VaultPool } from '../../../platform/vaults/index.ts';
import type { SyncOperations } from '../vault/program.ts';
import { type Copies, type CopiesParts, createCopies } from './copies.ts';
import { createOverview, type Overview } from './overview.ts';
import { createSweep, type Sweep } from './sweep.ts';
import { retryTroubled } from './upkeep-store.ts';

export interface Upkeep extends Overview, Copies {
  readonly sweep: Sweep;
  /** Begins to go through all vaults that are behind, those in trouble too. Answers without waiting for the end. */
  migrate(ctx: Ctx): Promise<VaultProgress>;
  /** Rejects when the vaults cannot be reached; answers in one line how they are. */
  probe(ctx: Ctx): Promise<string>;
}

export interface UpkeepParts extends CopiesParts {
  readonly vaults: VaultPool<SyncOperations>;
  readonly createCtx: (signal: AbortSignal) => Ctx;
  /** Ends what goes on behind requests. */
  readonly stopping: AbortSignal;
}

export function createUpkeep(parts: UpkeepParts): Upkeep {
  const { vaults } = parts;
  const overview = createOverview(vaults.newestVersion);
  const sweep = createSweep(parts);
  return {
    ...overview,
    ...createCopies(parts),
    sweep,
    async migrate(ctx) {
      await asSystem(ctx, retryTroubled);
      sweep.wake();
      return overview.progress(ctx);
    },
    async probe(ctx) {
      await vaults.probe();
      return describe(await overview.progress(ctx));
    },
  };
}

function describe({ schemaVersion, total, current, waiting, troubled }: VaultProgress): string {
  return `${current} of ${total} vaults at schema ${schemaVersion}, ${waiting} waiting, ${troubled} in trouble`;
}
