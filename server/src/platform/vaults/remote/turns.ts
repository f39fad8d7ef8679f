/** Who may work when: one at a time for each key, so many at once in all. */
export interface Turns {
  /** Runs `work` when it is its turn. Rejects with what `tooLate` makes when that is not within `waitMsMax`. */
  take<T>(key: string, work: () => Promise<T>): Promise<T>;
  /** Resolves when nobody works or waits any more. */
  idle(): Promise<void>;
}

export interface TurnOptions {
  readonly concurrencyMax: number;
  readonly waitMsMax: number;
  readonly tooLate: () => Error;
}

interface Waiting {
  readonly key: string;
  readonly begin: () => void;
}

export function createTurns({ concurrencyMax, waitMsMax, tooLate }: TurnOptions): Turns {
  const busy = new Set<string>();
  /** In the order of their arrival. */
  const waiting = new Set<Waiting>();
  const taken = new Set<Promise<unknown>>();

  function beginNext(): void {
    for (const next of waiting) {
      if (busy.size >= concurrencyMax) return;
      if (busy.has(next.key)) continue;
      waiting.delete(next);
      busy.add(next.key);
      next.begin();
    }
  }

  function wait(key: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const patience = setTimeout(() => {
      waiting.delete(entry);
      reject(tooLate());
    }, waitMsMax);
    const entry: Waiting = {
      key,
      begin() {
        clearTimeout(patience);
        resolve();
      },
    };
    waiting.add(entry);
    beginNext();
    return promise;
  }

  async function work<T>(key: string, act: () => Promise<T>): Promise<T> {
    await wait(key);
    try {
      return await act();
    } finally {
      busy.delete(key);
      beginNext();
    }
  }

  return {
    take(key, act) {
      const turn = work(key, act);
      const settled: Promise<unknown> = Promise.allSettled([turn]).then(() => taken.delete(settled));
      taken.add(settled);
      return turn;
    },
    async idle() {
      await Promise.all(taken);
    },
  };
}
