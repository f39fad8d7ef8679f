/**
 * Hybrid time: wall-clock milliseconds plus a counter that keeps two changes of the same millisecond apart
 * and never runs backwards when the wall clock does.
 *
 * As text it sorts in time order: `2026-11-20T07:16:00.123Z-0000`.
 */
export type HybridTime = string;

export const hybridTimePattern = '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}\\.\\d{3}Z-[0-9a-f]{4}$';

const shape = new RegExp(hybridTimePattern);
const counterMax = 0xffff;

/** Writes a hybrid time. `counter` is 0..65535. */
export function formatHybridTime(atMs: number, counter: number): HybridTime {
  return `${new Date(atMs).toISOString()}-${counter.toString(16).padStart(4, '0')}`;
}

/** Reads a hybrid time, or gives `undefined` for a text that is none (also for the 31st of February). */
export function parseHybridTime(text: string): { atMs: number; counter: number } | undefined {
  if (!shape.test(text)) return undefined;
  const instant = text.slice(0, 24);
  const atMs = Date.parse(instant);
  if (Number.isNaN(atMs) || new Date(atMs).getUTCDate() !== Number(instant.slice(8, 10))) return undefined;
  return { atMs, counter: Number.parseInt(text.slice(25), 16) };
}

/** The next time for a new change: after `last`, and not before the wall clock. */
export function nextHybridTime(last: HybridTime | undefined, nowMs: number): HybridTime {
  const before = last === undefined ? undefined : parseHybridTime(last);
  if (before === undefined || nowMs > before.atMs) return formatHybridTime(nowMs, 0);
  if (before.counter < counterMax) return formatHybridTime(before.atMs, before.counter + 1);
  return formatHybridTime(before.atMs + 1, 0);
}
