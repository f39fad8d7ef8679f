export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which the share `q` of all values lies; between two values it is interpolated. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const below = sorted[Math.floor(at)];
  const above = sorted[Math.ceil(at)];
  if (below === undefined || above === undefined) throw new RangeError('no values, no quantile');
  return below + (above - below) * (at - Math.floor(at));
}
