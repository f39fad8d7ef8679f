import { busy } from './errors.ts';

/** Lets a few calls through at once and a few more wait; whoever comes then is sent away with a `Retry-After`. */
export type Gate = <T>(work: () => Promise<T>) => Promise<T>;

export function createGate({
  parallelMax,
  waitingMax,
}: {
  readonly parallelMax: number;
  readonly waitingMax: number;
}): Gate {
  const waiting: (() => void)[] = [];
  let running = 0;

  async function enter(): Promise<void> {
    if (running < parallelMax) {
      running += 1;
      return;
    }
    if (waiting.length >= waitingMax) throw busy({ headers: { 'Retry-After': '2' } });
    // Whoever leaves hands its place over, so the count stays.
    await new Promise<void>((resolve) => waiting.push(resolve));
  }

  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }

  return async (work) => {
    await enter();
    try {
      return await work();
    } finally {
      leave();
    }
  };
}
