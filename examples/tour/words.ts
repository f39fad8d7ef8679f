import type { Journal } from './journal/index.ts';

const candidatesMax = 40;

/** The journal's longest words, longest first: no other text is likely to hold them by chance. */
export function longWords({ entries }: Journal): string[] {
  const words = new Set(entries.flatMap(({ value }) => value.text.toLowerCase().match(/\p{L}{4,}/gu) ?? []));
  return [...words].sort((a, b) => b.length - a.length || (a < b ? -1 : 1)).slice(0, candidatesMax);
}
