/** Looking after all vaults: their schema, what they can forget, their copies, and how they are. */
import type { VaultProgress } from '@alcove/contract/vaults';
import { asSystem, type Ctx } from '../../../context.ts';
import type { Job } from '../../../platform/jobs/index.ts';
import type { VaultPool } from '../../../platform/vaults/index.ts';
import type { SyncOperations } from '../vault/program.ts';
import { type Copies, type CopiesParts, createCopies } from './copies.ts';
import { createMigrating } from './migrating.ts';
import { createOverview, type Overview } from './overview.ts';
import { createTidying, type TidyingParts } from './tidying.ts';
import { retryTroubled } from './upkeep-store.ts';

export interface Upkeep extends Overview, Copies {
  /** What happens by the clock. */
  readonly jobs: readonly Job[];
  /** Begins to go through all vaults that are behind. */
  wake(): void;
  /** Resolves when nothing goes on any more. */
  settled(): Promise<void>;
  /** Begins to go through all vaults that are behind, those in trouble too. Answers without waiting for the end. */
  migrate(ctx: Ctx): Promise<VaultProgress>;
  /** Rejects when the vaults cannot be reached; answers in one line how they are. */
  probe(ctx: Ctx): Promise<string>;
}

export interface UpkeepParts extends CopiesParts, Omit<TidyingParts, 'vaults'> {
  readonly vaults: VaultPool<SyncOperations>;
}

export function createUpkeep(parts: UpkeepParts): Upkeep {
  const { vaults, clock } = parts;
  const overview = createOverview(vaults.newestVersion, clock);
  const migrating = createMigrating(parts);
  const tidying = createTidying(parts);
  return {
    ...overview,
    ...createCopies(parts),
    jobs: [migrating.job, tidying.job],
    wake: migrating.wake,
    async settled() {
      await Promise.all([migrating.settled(), tidying.settled()]);
    },
    async migrate(ctx) {
      await asSystem(ctx, retryTroubled);
      migrating.wake();
      return overview.progress(ctx);
    },
    async probe(ctx) {
      await vaults.probe();
      return describe(await overview.progress(ctx)) + describeRemote(vaults.stats().remoteFailures);
    },
  };
}

function describe({ schemaVersion, total, current, waiting, troubled }: VaultProgress): string {
  return `${current} of ${total} vaults at schema ${schemaVersion}, ${waiting} waiting, ${troubled} in trouble`;
}

function describeRemote(failures: number): string {
  return failures === 0 ? '' : `; the remote home failed the last ${failures} calls`;
}
