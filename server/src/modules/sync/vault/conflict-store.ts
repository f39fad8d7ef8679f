/** The SQL of a vault's conflicts. */
import type { Conflict, Kind } from '@alcove/contract';
import type { VaultDatabase } from '../../../platform/vaults/index.ts';

export interface ConflictRow {
  readonly id: string;
  readonly kind: Kind;
  readonly itemId: string;
  readonly detectedAt: string;
  readonly state: Conflict['state'];
}

const columns = 'id, kind, item_id AS itemId, detected_at AS detectedAt, state';

export function createConflictStore(vault: VaultDatabase) {
  return {
    find(id: string): ConflictRow | undefined {
      return vault.statement<ConflictRow>(`SELECT ${columns} FROM conflicts WHERE id = ?`).get(id);
    },
    /** Oldest first: the ids begin with the time at which they were made. */
    list(state: Conflict['state'], afterId: string, limit: number): ConflictRow[] {
      return vault
        .statement<ConflictRow>(
          `SELECT ${columns} FROM conflicts WHERE state = ? AND id > ? ORDER BY id LIMIT ?`,
        )
        .all(state, afterId, limit);
    },
    findOpen(kind: Kind, itemId: string): string | undefined {
      return vault
        .statement<{ id: string }>(
          `SELECT id FROM conflicts WHERE kind = ? AND item_id = ? AND state = 'open'`,
        )
        .get(kind, itemId)?.id;
    },
    open(conflict: { id: string; kind: Kind; itemId: string; at: string }): void {
      vault
        .statement(
          `INSERT INTO conflicts (id, kind, item_id, detected_at, state) VALUES (?, ?, ?, ?, 'open')`,
        )
        .run(conflict.id, conflict.kind, conflict.itemId, conflict.at);
    },
    /** Answers whether there was one. */
    resolve(kind: Kind, itemId: string, at: string): boolean {
      const { changes } = vault
        .statement(
          `UPDATE conflicts SET state = 'resolved', resolved_at = ? WHERE kind = ? AND item_id = ? AND state = 'open'`,
        )
        .run(at, kind, itemId);
      return Number(changes) > 0;
    },
    /** Empty where there never was one. */
    findNewestAt(): string {
      const newest = vault.statement<{ at: string | null }>(`SELECT max(detected_at) AS at FROM conflicts`);
      return newest.get()?.at ?? '';
    },
    /** When the one that was resolved first was. */
    findOldestResolvedAt(): string | undefined {
      const oldest = vault.statement<{ at: string | null }>(
        `SELECT min(resolved_at) AS at FROM conflicts WHERE state = 'resolved'`,
      );
      return oldest.get()?.at ?? undefined;
    },
    /** The oldest of those that were resolved by then. */
    dropResolvedUpTo(at: string, limit: number): void {
      vault
        .statement(
          `DELETE FROM conflicts WHERE rowid IN (SELECT rowid FROM conflicts
            WHERE state = 'resolved' AND resolved_at <= ? ORDER BY resolved_at LIMIT ?)`,
        )
        .run(at, limit);
    },
  };
}
