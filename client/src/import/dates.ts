/** Dates as people and apps write them into files. */

const shape =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i;

/**
 * A date in one way of writing, or `undefined` for what is none: a day (`2026-11-20`), a time of day without an offset
 * (`2026-11-20T07:16:00`), or a moment (`2026-11-20T07:16:00+01:00`).
 */
export function findDate(value: unknown): string | undefined {
  const match = typeof value === 'string' ? shape.exec(value.trim()) : null;
  if (match === null) return undefined;
  const [, year = '', month = '', day = '', hour, minute = '', second = '00', offset] = match;
  const date = `${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}`;
  if (!isDay(date)) return undefined;
  if (hour === undefined) return date;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  return `${date}T${hour.padStart(2, '0')}:${minute}:${second}${toOffset(offset)}`;
}

/** Not the 31st of February. */
function isDay(date: string): boolean {
  const atMs = Date.parse(`${date}T00:00:00Z`);
  return !Number.isNaN(atMs) && new Date(atMs).toISOString().startsWith(date);
}

/** `+0100` and `+01` are written `+01:00`. */
function toOffset(offset = ''): string {
  if (offset === '' || offset.toUpperCase() === 'Z') return offset.toUpperCase();
  return `${offset.slice(0, 3)}:${offset.slice(3).replace(':', '') || '00'}`;
}
