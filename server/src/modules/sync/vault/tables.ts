/** Where the items of each kind lie. */
import type { Kind } from '@alcove/contract';

export const tables: Readonly<Record<Kind, string>> = {
  entry: 'synced_entries',
  memory: 'synced_memories',
  tag: 'synced_tags',
};

/** What a version weighs beside its clock, payload and meta: ids, times and names of members, rounded up. */
export const rowWeight = 200;
/** Bytes that a version adds to an answer, rounded up; `weightOf` says the same of a row that was read. */
export const versionWeight = `(octet_length(clock) + coalesce(octet_length(payload), 0) + coalesce(octet_length(meta), 0)
  + ${rowWeight})`;

/** Statements are written once: putting a text together for each change would cost as much as running it. */
export function ofEachKind(write: (kind: Kind, table: string) => string): Readonly<Record<Kind, string>> {
  return {
    entry: write('entry', tables.entry),
    memory: write('memory', tables.memory),
    tag: write('tag', tables.tag),
  };
}
