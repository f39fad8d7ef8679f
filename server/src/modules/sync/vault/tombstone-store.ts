/** The SQL of deletions: which there are, how old they are, and how they are forgotten. */
import type { Kind } from '@alcove/contract';
import type { VaultDatabase } from '../../../platform/vaults/index.ts';
import { ofEachKind } from './tables.ts';

/** An item of which nothing is left. */
export interface TombstoneRow {
  readonly kind: Kind;
  readonly id: string;
  readonly seq: number;
}

const hasGoneSql = ofEachKind((_, table) => `EXISTS (SELECT 1 FROM ${table} WHERE live = 0 AND seq <= ?1)`);
const hasAnyGoneSql = `SELECT ${Object.values(hasGoneSql).join(' OR ')} AS found`;
const firstGoneSql = ofEachKind((_, table) => `SELECT min(seq) AS seq FROM ${table} WHERE live = 0`);
const findOldestSql = `SELECT min(seq) AS seq FROM (${Object.values(firstGoneSql).join(' UNION ALL ')})`;
const listGoneSql = Object.values(
  ofEachKind((kind, table) => `SELECT '${kind}' AS kind, id, seq FROM ${table} WHERE live = 0 AND seq <= ?1`),
).join(' UNION ALL ');
const dropSql = ofEachKind((_, table) => `DELETE FROM ${table} WHERE id = ?`);

export function createTombstoneStore(vault: VaultDatabase) {
  return {
    hasAnyUpTo(seq: number): boolean {
      return vault.statement<{ found: 0 | 1 }>(hasAnyGoneSql).get(seq)?.found === 1;
    },
    findOldest(): number | undefined {
      return vault.statement<{ seq: number | null }>(findOldestSql).get()?.seq ?? undefined;
    },
    listUpTo(seq: number, limit: number): TombstoneRow[] {
      return vault.statement<TombstoneRow>(`${listGoneSql} ORDER BY seq LIMIT ?2`).all(seq, limit);
    },
    drop({ kind, id }: TombstoneRow): void {
      vault.statement(dropSql[kind]).run(id);
      vault.statement('DELETE FROM siblings WHERE kind = ? AND item_id = ?').run(kind, id);
    },
    setFloor(floor: number): void {
      vault.statement('UPDATE meta SET floor = max(floor, ?)').run(floor);
    },
    setTidyAfter(atMs: number): void {
      vault.statement('UPDATE meta SET tidy_after_ms = ?').run(atMs);
    },

    /** Writes down how far the vault has come by now. What was written by a clock that ran ahead was never true. */
    addMilestone(atMs: number, seq: number): void {
      vault.statement('DELETE FROM milestones WHERE at_ms > ?').run(atMs);
      vault.statement('INSERT OR IGNORE INTO milestones (at_ms, seq) VALUES (?, ?)').run(atMs, seq);
    },
    findLastMilestone(): number | undefined {
      return (
        vault.statement<{ at: number | null }>('SELECT max(at_ms) AS at FROM milestones').get()?.at ??
        undefined
      );
    },
    /** How far the vault had come at that time, or somewhat before. */
    findReachedBy(atMs: number): number | undefined {
      return (
        vault
          .statement<{ seq: number | null }>('SELECT max(seq) AS seq FROM milestones WHERE at_ms <= ?')
          .get(atMs)?.seq ?? undefined
      );
    },
    /** When the vault is first known to have come so far. */
    findReachedAt(seq: number): number | undefined {
      return (
        vault
          .statement<{ at: number | null }>('SELECT min(at_ms) AS at FROM milestones WHERE seq >= ?')
          .get(seq)?.at ?? undefined
      );
    },
    /** Keeps the last one before that time: it still tells what is older. */
    dropMilestonesBefore(atMs: number): void {
      vault
        .statement(
          'DELETE FROM milestones WHERE at_ms < (SELECT max(at_ms) FROM milestones WHERE at_ms <= ?)',
        )
        .run(atMs);
    },
  };
}
