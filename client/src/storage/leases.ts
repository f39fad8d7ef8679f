/**
 * Locks for a store that can change a record in one transaction and has nothing better: whoever holds one writes down
 * until when, and does so again while the work lasts. After a holder has died the others wait until its time is over.
 *
 * A holder that was suspended for longer than that goes on beside the next one, and nothing tells it. What must not be
 * written over is written by `writeIf`, therefore.
 */
import { wait } from '../backoff.ts';
import { createLocks, type WithLock } from '../locks.ts';
import type { StorageWrite } from './storage.ts';

const leaseMs = 10_000;
const renewEveryMs = 3000;
const pollMsMax = 40;

/** One transaction of the store, which ends when nothing is asked of it any more. */
interface LeaseTransaction {
  read(key: string): Promise<string | undefined>;
  write(batch: readonly StorageWrite[]): Promise<void>;
}

export function createLeases(begin: () => LeaseTransaction): WithLock {
  const own = createLocks();
  const underLease = async <T>(name: string, work: () => Promise<T>, signal: AbortSignal) => {
    const key = `lock/${name}`;
    const holder = crypto.randomUUID();
    while (!(await tryToTake(begin(), key, holder))) await wait(Math.random() * pollMsMax, signal);
    const renewing = setInterval(() => void renew(begin, key, holder), renewEveryMs);
    try {
      return await work();
    } finally {
      clearInterval(renewing);
      await release(begin(), key, holder);
    }
  };
  return (name, work, signal) => own(name, () => underLease(name, work, signal), signal);
}

async function tryToTake(transaction: LeaseTransaction, key: string, holder: string): Promise<boolean> {
  const held = parseLease(await transaction.read(key));
  if (held !== undefined && held.untilMs > Date.now()) return false;
  await transaction.write([leaseOf(key, holder)]);
  return true;
}

/** A renewal that fails is made up for by the next one, or the lease ends. */
async function renew(begin: () => LeaseTransaction, key: string, holder: string): Promise<void> {
  try {
    const transaction = begin();
    if (isHeldBy(await transaction.read(key), holder)) await transaction.write([leaseOf(key, holder)]);
  } catch {
    return;
  }
}

async function release(transaction: LeaseTransaction, key: string, holder: string): Promise<void> {
  if (isHeldBy(await transaction.read(key), holder)) await transaction.write([{ key, value: undefined }]);
}

function leaseOf(key: string, holder: string): StorageWrite {
  return { key, value: JSON.stringify({ holder, untilMs: Date.now() + leaseMs }) };
}

function isHeldBy(text: string | undefined, holder: string): boolean {
  return parseLease(text)?.holder === holder;
}

function parseLease(text: string | undefined): { holder: string; untilMs: number } | undefined {
  return text === undefined ? undefined : JSON.parse(text);
}
