/** Numbers as people read them. */

export interface Timed<T> {
  readonly result: T;
  readonly ms: number;
}

export async function timed<T>(work: () => Promise<T>): Promise<Timed<T>> {
  const startedAt = performance.now();
  const result = await work();
  return { result, ms: performance.now() - startedAt };
}

export function formatMs(ms: number): string {
  if (ms >= 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${formatCount(Math.max(1, Math.round(ms)))} ms`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

/** How many things took how long. */
export interface Pace {
  readonly count: number;
  readonly ms: number;
}

export function formatPace({ count, ms }: Pace): string {
  return `${formatCount(Math.round(count / (Math.max(1, ms) / 1000)))} per second`;
}

/** `plural(2, 'entry', 'entries')` is `2 entries`. */
export function plural(count: number, one: string, many: string): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

export function formatCount(count: number): string {
  return count.toLocaleString('en');
}
