/** Removes what accounts left behind outside of the control database, again and again until it is gone. */
import { asSystem, type Ctx, type TxCtx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import type { Job, Jobs, Task } from '../../../platform/jobs/index.ts';
import type { Belongings } from './belongings.ts';
import * as store from './removal-store.ts';

export interface Removals {
  /** Takes everything that the account has outside away from it; it is removed soon after the commit. */
  take(tx: TxCtx, accountId: string): Promise<void>;
  /** Lets one thing be removed soon after the commit. */
  add(tx: TxCtx, thing: { readonly kind: string; readonly name: string }): Promise<void>;
  /** Whether it still waits to be removed. */
  isPending(tx: TxCtx, thing: { readonly kind: string; readonly name: string }): Promise<boolean>;
  /** Asks for a look at what is due: a process that died may have left something. */
  wake(ctx: Ctx): Promise<void>;
  /** Removes what is due. Answers how many could not be removed, and are tried again later. */
  run(ctx: Ctx): Promise<number>;
  readonly task: Task;
  readonly job: Job;
}

export interface RemovalParts {
  readonly clock: Clock;
  readonly jobs: Pick<Jobs, 'enqueue'>;
  readonly belongings: readonly Belongings[];
  readonly createCtx: (signal: AbortSignal) => Ctx;
}

const taskName = 'identity.remove-leftovers';
const batchSize = 100;
const firstPauseMs = 60_000;
const pauseMsMax = 6 * 3_600_000;

export function createRemovals(parts: RemovalParts): Removals {
  const { clock, jobs, belongings, createCtx } = parts;

  async function removeOne(ctx: Ctx, row: store.RemovalRow): Promise<boolean> {
    try {
      await ownerOf(belongings, row.kind).remove(row.name);
      await asSystem(ctx, (tx) => store.deleteRemoval(tx, row));
      return true;
    } catch (err) {
      const pauseMs = Math.min(firstPauseMs * 2 ** row.attempts, pauseMsMax);
      await asSystem(ctx, (tx) => store.postponeRemoval(tx, row, new Date(clock.now() + pauseMs)));
      ctx.log.warn({ err, kind: row.kind, attempts: row.attempts + 1 }, 'something is still to be removed');
      return false;
    }
  }

  async function run(ctx: Ctx): Promise<number> {
    let failed = 0;
    for (;;) {
      const now = new Date(clock.now());
      const due = await asSystem(ctx, (tx) => store.listDueRemovals(tx, now, batchSize));
      for (const row of due) {
        if (!(await removeOne(ctx, row))) failed += 1;
      }
      if (due.length < batchSize || ctx.signal.aborted) return failed;
    }
  }

  return {
    async take(tx, accountId) {
      for (const { kind, surrender, waitMs = 0 } of belongings) {
        const at = new Date(clock.now() + waitMs);
        for (const name of await surrender(tx, accountId)) await store.insertRemoval(tx, { kind, name, at });
      }
      await jobs.enqueue(tx, taskName, {});
    },
    async add(tx, thing) {
      await store.insertRemoval(tx, { ...thing, at: new Date(clock.now()) });
      await jobs.enqueue(tx, taskName, {});
    },
    isPending: store.hasRemoval,
    wake: (ctx) => asSystem(ctx, (tx) => jobs.enqueue(tx, taskName, {})),
    run,
    task: {
      name: taskName,
      async run(_data, signal) {
        await run(createCtx(signal));
      },
    },
    // What failed waits for its time in the table; the clock looks after it.
    job: {
      name: 'identity.retry-removals',
      cron: '*/5 * * * *',
      run: async (signal) => void (await run(createCtx(signal))),
    },
  };
}

function ownerOf(belongings: readonly Belongings[], kind: string): Belongings {
  const owner = belongings.find((one) => one.kind === kind);
  if (owner === undefined) throw new Error(`nobody removes a ${kind}`);
  return owner;
}
