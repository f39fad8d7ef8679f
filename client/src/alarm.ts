/** Waiting that can be cut short. */
export interface Alarm {
  /** Ends the present waiting, or else the next one before it begins. */
  ring(): void;
  /** Resolves after `ms`, when it rings, or when the signal aborts. */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

export function createAlarm(): Alarm {
  let rung = Promise.withResolvers<void>();
  return {
    ring: () => rung.resolve(),
    async wait(ms, signal) {
      const timer = setTimeout(rung.resolve, ms);
      const abort = () => rung.resolve();
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
      await rung.promise;
      rung = Promise.withResolvers();
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    },
  };
}
