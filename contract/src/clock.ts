/**
 * Vector clocks: for each device, how many of its changes a version has seen.
 *
 * A missing entry counts as zero, so `{}` is the clock that everything descends from.
 */

/** Device id → how many changes of that device this version includes. */
export type VectorClock = { readonly [deviceId: string]: number };

/** How one clock stands to another. */
export type ClockOrder = 'equal' | 'dominates' | 'dominated' | 'concurrent';

/**
 * Says how `a` stands to `b`.
 *
 * @example
 * ```ts
 * import { compareClocks } from '@alcove/contract/clock';
 *
 * compareClocks({ phone: 2 }, { phone: 1 }); // 'dominates'
 * compareClocks({ phone: 1 }, { laptop: 1 }); // 'concurrent'
 * ```
 */
export function compareClocks(a: VectorClock, b: VectorClock): ClockOrder {
  const aDescends = descends(a, b);
  const bDescends = descends(b, a);
  if (aDescends && bDescends) return 'equal';
  if (aDescends) return 'dominates';
  return bDescends ? 'dominated' : 'concurrent';
}

/** True when `a` has seen everything that `b` has seen. */
export function descends(a: VectorClock, b: VectorClock): boolean {
  return Object.entries(b).every(([device, counter]) => counterOf(a, device) >= counter);
}

/** The pointwise maximum: a clock that has seen what any of the given ones has seen. */
export function mergeClocks(...clocks: readonly VectorClock[]): VectorClock {
  const merged: Record<string, number> = {};
  for (const clock of clocks) {
    for (const [device, counter] of Object.entries(clock)) {
      if (counter > (merged[device] ?? 0)) merged[device] = counter;
    }
  }
  return merged;
}

/** The clock of a new version by `device` that has seen `seen`, as its change number `counter`. */
export function tickClock(seen: VectorClock, device: string, counter: number): VectorClock {
  return { ...seen, [device]: counter };
}

/** The entry of `device`, zero where there is none. */
export function counterOf(clock: VectorClock, device: string): number {
  return Object.hasOwn(clock, device) ? (clock[device] ?? 0) : 0;
}

/** One text for one clock, whatever the order of its members: `device:counter` pairs, sorted, joined by commas. */
export function canonicalClock(clock: VectorClock): string {
  return Object.entries(clock)
    .filter(([, counter]) => counter > 0)
    .map(([device, counter]) => `${device}:${counter}`)
    .sort()
    .join(',');
}
