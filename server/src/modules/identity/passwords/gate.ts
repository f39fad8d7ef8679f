import { limitedAddress } from '../../../platform/addresses/index.ts';
import { busy } from './errors.ts';

/**
 * Lets a few calls through at once and more wait. Addresses take turns, so that whoever sends many from one waits for
 * itself and nobody else does; whoever comes when too many wait is sent away with a `Retry-After`.
 */
export type Gate = <T>(ip: string, work: () => Promise<T>) => Promise<T>;

export interface GateLimits {
  readonly parallelMax: number;
  readonly waitingMax: number;
  readonly waitingPerAddressMax: number;
}

export function createGate({ parallelMax, waitingMax, waitingPerAddressMax }: GateLimits): Gate {
  /** By address, the one whose turn is next first. */
  const queues = new Map<string, (() => void)[]>();
  let waiting = 0;
  let running = 0;

  async function enter(address: string): Promise<void> {
    if (running < parallelMax) {
      running += 1;
      return;
    }
    const queue = queues.get(address) ?? [];
    if (waiting >= waitingMax || queue.length >= waitingPerAddressMax)
      // The line of its request says 503. More for each would flood the log together with the service.
      throw busy({ headers: { 'Retry-After': '2' }, isLogged: true });
    queues.set(address, queue);
    waiting += 1;
    // Whoever leaves hands its place over, so the count stays.
    await new Promise<void>((resolve) => queue.push(resolve));
  }

  function leave(): void {
    const [next] = queues;
    if (next === undefined) {
      running -= 1;
      return;
    }
    const [address, queue] = next;
    queues.delete(address);
    const [first, ...others] = queue;
    if (others.length > 0) queues.set(address, others);
    waiting -= 1;
    first?.();
  }

  return async (ip, work) => {
    await enter(limitedAddress(ip));
    try {
      return await work();
    } finally {
      leave();
    }
  };
}
