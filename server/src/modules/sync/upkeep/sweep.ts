/** Brings every vault to the newest schema in the background, so that those nobody opens do not stay behind. */
import { asSystem, type Ctx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import { Failure } from '../../../platform/errors/index.ts';
import type { Job } from '../../../platform/jobs/index.ts';
import type { VaultPool } from '../../../platform/vaults/index.ts';
import type { SyncOperations } from '../vault/program.ts';
import * as store from './upkeep-store.ts';

export interface Sweep {
  /** Begins to go through all that are due, until the service stops, unless that goes on already. */
  wake(): void;
  /** Resolves when nothing goes on any more. */
  settled(): Promise<void>;
  readonly job: Job;
}

/** How many vaults are opened for this at the same time. */
const concurrency = 2;
const claimSize = 20;
/** A node that dies keeps others from its vaults for so long. */
const claimMs = 10 * 60_000;
const firstPauseMs = 60_000;
const pauseMsMax = 6 * 3_600_000;

export function createSweep(parts: {
  readonly vaults: Pick<VaultPool<SyncOperations>, 'migrate' | 'newestVersion'>;
  readonly clock: Clock;
  readonly createCtx: (signal: AbortSignal) => Ctx;
  readonly stopping: AbortSignal;
}): Sweep {
  const { vaults, clock, createCtx, stopping } = parts;
  const version = vaults.newestVersion;
  let running: Promise<void> | undefined;

  async function sweepAll(ctx: Ctx): Promise<void> {
    let claimed: string[];
    do {
      const now = clock.now();
      const claim = { version, now: new Date(now), until: new Date(now + claimMs), limit: claimSize };
      claimed = await asSystem(ctx, (tx) => store.claimOutdated(tx, claim));
      await Promise.all(Array.from({ length: concurrency }, () => work(ctx, claimed)));
    } while (claimed.length > 0 && !ctx.signal.aborted);
  }

  /** What is left in `queue` when the signal comes waits until the claim is over. */
  async function work(ctx: Ctx, queue: string[]): Promise<void> {
    for (let name = queue.shift(); name !== undefined && !ctx.signal.aborted; name = queue.shift())
      await migrateOne(ctx, name);
  }

  async function migrateOne(ctx: Ctx, name: string): Promise<void> {
    try {
      await vaults.migrate(name);
    } catch (err) {
      // What is cut off by the end of the service is no trouble of the vault's.
      return ctx.signal.aborted ? undefined : noteTrouble(ctx, name, err);
    }
    await asSystem(ctx, (tx) => store.noteMigrated(tx, name, version));
  }

  async function noteTrouble(ctx: Ctx, name: string, err: unknown): Promise<void> {
    const isTold = err instanceof Failure && err.isLogged;
    if (!isTold) ctx.log.warn({ err, vault: name }, 'a vault could not be brought up to date');
    const code = err instanceof Failure ? err.code : 'internal.error';
    await asSystem(ctx, async (tx) => {
      const at = new Date(clock.now());
      const attempts = await store.noteTrouble(tx, name, { code, at });
      const pauseMs = Math.min(firstPauseMs * 2 ** ((attempts ?? 1) - 1), pauseMsMax);
      await store.postpone(tx, name, new Date(clock.now() + pauseMs));
    });
  }

  function run(): Promise<void> {
    running ??= sweepAll(createCtx(stopping)).finally(() => {
      running = undefined;
    });
    return running;
  }

  return {
    wake() {
      const { log } = createCtx(stopping);
      run().catch((err: unknown) => log.error({ err }, 'bringing the vaults up to date broke off'));
    },
    settled: async () => running?.catch(() => undefined),
    job: { name: 'sync.migrate-vaults', cron: '*/5 * * * *', run },
  };
}
