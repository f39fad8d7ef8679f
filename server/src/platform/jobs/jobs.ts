import { type BackendProfile, type Job as ClaimedJob, type JobResult, PgBoss } from 'pg-boss';
import type { Database, Transaction } from '../database/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { enqueueIn } from './enqueue.ts';

/** A job that runs by the clock. It may run twice when a node dies in the middle, so twice has to be the same as once. */
export interface Job {
  /** `module.what-it-does` */
  readonly name: string;
  /** When, as a cron expression in UTC. */
  readonly cron: string;
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Work that some transaction asks for and that happens soon after its commit. It is repeated until it succeeds, for
 * about a day, so twice has to be the same as once. Its data stand in the queue as they are: what must not be read
 * there is encrypted by whoever asks.
 */
export interface Task {
  /** `module.what-it-does` */
  readonly name: string;
  run(data: TaskData, signal: AbortSignal): Promise<void>;
}

export type TaskData = Readonly<Record<string, string>>;

/** Where a task is asked for: a transaction, and what follows its commit. */
export interface InTransaction {
  readonly tx: Transaction;
  afterCommit(effect: () => void): void;
}

export interface Jobs extends AsyncDisposable {
  /** Begins to work. Until then nothing can be enqueued. */
  start(work: { readonly jobs: readonly Job[]; readonly tasks: readonly Task[] }): Promise<void>;
  /** Asks for a task in an open transaction: it happens exactly if that transaction commits. */
  enqueue(ctx: InTransaction, task: string, data: TaskData): Promise<void>;
  /** Does a job here and now, whatever the clock says. */
  runNow(job: string): Promise<void>;
  /** Rejects when the queue cannot be reached. */
  probe(): Promise<void>;
}

const stopTimeoutMs = 5000;
const pollingIntervalSeconds = 10;
/** 1, 2, 4 … minutes apart and at most an hour: a mail server or a disk that is away for a day loses nothing. */
const taskRetries = { retryLimit: 30, retryDelay: 60, retryBackoff: true, retryDelayMax: 3600 };
/** Several at a time, and the next ones at once while there are many. */
const tasking = {
  pollingIntervalSeconds,
  batchSize: 10,
  burstWhenBatchFull: true,
  perJobResults: true,
} as const;
/** How long a finished task stays in the queue's table. */
const finishedTaskSeconds = 60;

export async function createJobs(parts: {
  readonly database: Database;
  readonly log: Logger;
}): Promise<Jobs> {
  const { database, log } = parts;
  const backend: BackendProfile = database.kind === 'embedded' ? 'pglite' : 'postgres';
  const boss = new PgBoss({ db: database.jobs, backend, schema: 'jobs' });
  boss.on('error', (error) => log.error({ err: error }, 'the job queue reported a fault'));
  await boss.start();
  const workers = new Map<string, string>();
  const scheduled = new Map<string, Job>();

  return {
    async start({ jobs, tasks }) {
      for (const job of jobs) {
        scheduled.set(job.name, job);
        await schedule(boss, job, log);
      }
      for (const task of tasks) workers.set(task.name, await serve(boss, task, log));
    },
    async enqueue(ctx, task, data) {
      const worker = workers.get(task);
      if (worker === undefined) throw new Error(`nobody does the task ${task}`);
      await enqueueIn(ctx.tx, boss, task, data);
      // Another node would find it when it next looks; this one need not wait for that.
      ctx.afterCommit(() => boss.notifyWorker(worker));
    },
    async runNow(name) {
      const job = scheduled.get(name);
      if (job === undefined) throw new Error(`there is no job ${name}`);
      await job.run(new AbortController().signal);
    },
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
    await timed(log, job.name, () => job.run(claimed.signal));
  });
}

/** Answers the id of the worker that does it. */
async function serve(boss: PgBoss, task: Task, log: Logger): Promise<string> {
  await boss.createQueue(task.name, { ...taskRetries, deleteAfterSeconds: finishedTaskSeconds });
  // The queue's own record is read and remembered now: inside a transaction of the embedded database, whose one
  // connection is taken, the question would wait for ever.
  await boss.findJobs(task.name, { id: crypto.randomUUID() });
  return boss.work<TaskData, unknown, typeof tasking>(task.name, tasking, (claimed) =>
    Promise.all(claimed.map((job) => runTask(task, job, log))),
  );
}

async function runTask(task: Task, job: ClaimedJob<TaskData>, log: Logger): Promise<JobResult> {
  try {
    await timed(log, task.name, () => task.run(job.data, job.signal));
    return { id: job.id, status: 'completed' };
  } catch (error) {
    log.warn({ err: error, job: task.name }, 'a task failed and will be tried again');
    return { id: job.id, status: 'failed', output: { message: 'see the log' } };
  }
}

async function timed(log: Logger, job: string, work: () => Promise<void>): Promise<void> {
  const startedAt = performance.now();
  await work();
  log.debug({ job, ms: Math.round(performance.now() - startedAt) }, 'job done');
}
