import type { Clock } from '../platform/clock/index.ts';

/** A clock that runs like the real one, and that a test can move. */
export interface TestClock extends Clock {
  forward(ms: number): void;
}

export function createTestClock(): TestClock {
  let aheadMs = 0;
  return {
    now: () => Date.now() + aheadMs,
    forward(ms) {
      aheadMs += ms;
    },
  };
}
