/**
 * Goes through vaults in the background. It claims some at a time, so that a node that dies delays them and no more, and
 * opens each behind people's requests and beside the vaults that are held open.
 */
import { asSystem, type Ctx, type TxCtx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import { Failure } from '../../../platform/errors/index.ts';
import type { Job } from '../../../platform/jobs/index.ts';
import * as store from './upkeep-store.ts';

export interface Sweep {
  /** Begins to go through all that are due, until the service stops, unless that goes on already. */
  wake(): void;
  /** Resolves when nothing goes on any more. */
  settled(): Promise<void>;
  readonly job: Job;
}

/** What is done, and to which vaults. */
export interface SweepWork extends Pick<Job, 'name' | 'cron'> {
  /** A node that dies keeps others from the vaults that it claimed for so long. */
  readonly claimMs: number;
  /** How many it claims before it leaves the rest to the next run. */
  readonly vaultsPerRunMax: number;
  claim(tx: TxCtx, claim: store.Claim): Promise<store.Owned[]>;
  /** Done twice it is the same as done once. */
  doOne(ctx: Ctx, vault: store.Owned): Promise<void>;
}

export interface SweepParts {
  readonly clock: Clock;
  readonly createCtx: (signal: AbortSignal) => Ctx;
  /** Ends what goes on behind requests. */
  readonly stopping: AbortSignal;
}

/** How many vaults are opened for this at the same time. */
const concurrency = 2;
const claimSize = 20;
const firstPauseMs = 60_000;
const pauseMsMax = 6 * 3_600_000;

export function createSweep(sweepWork: SweepWork, { clock, createCtx, stopping }: SweepParts): Sweep {
  const { name: jobName, cron, claimMs, vaultsPerRunMax } = sweepWork;
  let running: Promise<void> | undefined;

  async function sweepAll(ctx: Ctx): Promise<void> {
    let claimed = 0;
    while (claimed < vaultsPerRunMax && !ctx.signal.aborted) {
      const queue = await claimSome(ctx);
      if (queue.length === 0) return;
      claimed += queue.length;
      await Promise.all(Array.from({ length: concurrency }, () => workOff(ctx, queue)));
    }
  }

  function claimSome(ctx: Ctx): Promise<store.Owned[]> {
    const now = clock.now();
    const claim = { now: new Date(now), until: new Date(now + claimMs), limit: claimSize };
    return asSystem(ctx, (tx) => sweepWork.claim(tx, claim));
  }

  /** What is left in `queue` when the signal comes waits until the claim is over. */
  async function workOff(ctx: Ctx, queue: store.Owned[]): Promise<void> {
    for (let vault = queue.shift(); vault !== undefined && !ctx.signal.aborted; vault = queue.shift())
      await tryOne(ctx, vault);
  }

  async function tryOne(ctx: Ctx, vault: store.Owned): Promise<void> {
    try {
      await sweepWork.doOne(ctx, vault);
    } catch (err) {
      // What is cut off by the end of the service is no trouble of the vault's.
      if (!ctx.signal.aborted) await noteTrouble(ctx, vault.name, err);
    }
  }

  async function noteTrouble(ctx: Ctx, name: string, err: unknown): Promise<void> {
    const isTold = err instanceof Failure && err.isLogged;
    if (!isTold) ctx.log.warn({ err, vault: name, job: jobName }, 'a vault could not be looked after');
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
      run().catch((err: unknown) => log.error({ err, job: jobName }, 'looking after the vaults broke off'));
    },
    settled: async () => running?.catch(() => undefined),
    job: { name: jobName, cron, run },
  };
}
