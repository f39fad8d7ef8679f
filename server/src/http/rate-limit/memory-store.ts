import { BoundedMap } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock/index.ts';
import { admits, costMsOf } from './gcra.ts';
import type { LimitStore } from './store.ts';

/**
 * The limits of one node. It remembers so many callers and no more: whoever comes from ever new addresses makes it
 * forget those who called longest ago, and memory stays where it is.
 */
export function createMemoryStore({
  clock,
  callersMax,
}: {
  readonly clock: Clock;
  readonly callersMax: number;
}): LimitStore & { readonly size: number } {
  /** For each policy of a caller, the time up to which the quota is used. */
  const usedUntil = new BoundedMap<string, number[]>(callersMax);
  return {
    get size() {
      return usedUntil.size;
    },
    take(caller, policies) {
      const now = clock.now();
      const known = usedUntil.get(caller) ?? [];
      const before = policies.map((_, at) => Math.max(0, (known[at] ?? now) - now));
      if (!policies.every((policy, at) => admits(policy, before[at] ?? 0)))
        return { isAdmitted: false, aheadMs: before };
      const aheadMs = policies.map((policy, at) => (before[at] ?? 0) + costMsOf(policy));
      usedUntil.set(
        caller,
        aheadMs.map((ms) => now + ms),
      );
      return { isAdmitted: true, aheadMs };
    },
  };
}
