/** Named locks: one holder at a time, the others in the order of their arrival. */
import { aborted } from './backoff.ts';
import { createMutex, type Mutex } from './mutex.ts';

/** Runs work under a name. `signal` ends the waiting, not the work. */
export type WithLock = <T>(name: string, work: () => Promise<T>, signal: AbortSignal) => Promise<T>;

/** Locks within this program, for stores that no other one can reach. */
export function createLocks(): WithLock {
  const mutexes = new Map<string, Mutex>();
  return (name, work, signal) => {
    const mutex = mutexes.get(name) ?? createMutex();
    mutexes.set(name, mutex);
    return mutex(async () => {
      if (signal.aborted) throw aborted(signal.reason);
      return work();
    });
  };
}
