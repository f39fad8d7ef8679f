/** Work that happens by the clock or after a request, on the control database: once, also with several nodes. */
import { type BackendProfile, PgBoss } from 'pg-boss';
import type { Database } from '../database/index.ts';
import type { Logger } from '../telemetry/index.ts';

/** A job that runs by the clock. It may run twice when a node dies in the middle, so twice has to be the same as once. */
export interface Job {
  /** `module.what-it-does` */
  readonly name: string;
  /** When, as a cron expression in UTC. */
  readonly cron: string;
  run(signal: AbortSignal): Promise<void>;
}

export interface Jobs extends AsyncDisposable {
  /** Rejects when the queue cannot be reached. */
  probe(): Promise<void>;
}

const stopTimeoutMs = 5000;
const pollingIntervalSeconds = 10;

export async function createJobs(parts: {
  readonly database: Database;
  readonly log: Logger;
  readonly jobs: readonly Job[];
}): Promise<Jobs> {
  const { database, log, jobs } = parts;
  const backend: BackendProfile = database.kind === 'embedded' ? 'pglite' : 'postgres';
  const boss = new PgBoss({ db: database.jobs, backend, schema: 'jobs' });
  boss.on('error', (error) => log.error({ err: error }, 'the job queue reported a fault'));
  await boss.start();
  for (const job of jobs) await schedule(boss, job, log);

  return {
    async probe() {
      await boss.getQueues();
    },
    async [Symbol.asyncDispose]() {
      await boss.stop({ graceful: true, timeout: stopTimeoutMs });
    },
  };
}

async function schedule(boss: PgBoss, job: Job, log: Logger): Promise<void> {
  // Of one tick only one job may wait: a node that was down for a week owes one run, not a week of them.
  await boss.createQueue(job.name, { policy: 'stately', retryLimit: 3, retryBackoff: true });
  await boss.schedule(job.name, job.cron);
  await boss.work(job.name, { pollingIntervalSeconds }, async ([claimed]) => {
    if (claimed === undefined) return;
    const startedAt = performance.now();
    await job.run(claimed.signal);
    log.debug({ job: job.name, ms: Math.round(performance.now() - startedAt) }, 'job done');
  });
}
