import type { Policy } from './gcra.ts';

/** How far each policy's time lies ahead of now for one caller, after the request if it was admitted. */
export interface Taken {
  readonly isAdmitted: boolean;
  /** In the order of the policies. */
  readonly aheadMs: readonly number[];
}

/** Remembers what callers have used. One step per request, also between nodes: two requests never take the same place. */
export interface LimitStore {
  /** Charges every policy, or none when one of them refuses. */
  take(caller: string, policies: readonly Policy[]): Taken | Promise<Taken>;
}
