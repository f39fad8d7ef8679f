/**
 * The SQL of an item and its versions. What was written in a version may be large, so it is read only by who asks for
 * it, and stays in its row while others come and go beside it.
 */
import type { Kind } from '@alcove/contract';
import type { VaultDatabase } from '../../../platform/vaults/index.ts';
import type { ItemPlace } from './admission.ts';
import { ofEachKind, rowWeight, versionWeight } from './tables.ts';

/** A version as its columns hold it; clock and meta are JSON. */
export interface VersionRow {
  readonly clock: string;
  readonly time: string;
  readonly order_time: string | null;
  readonly device_id: string;
  readonly epoch: number;
  readonly deleted: 0 | 1;
  readonly payload: string | null;
  readonly meta: string | null;
}

/** What the rule asks of a version. No two versions of an item have the same clock, so that is also its name. */
export interface HeldRow {
  readonly clock: string;
  readonly order_time: string;
  readonly device_id: string;
  readonly deleted: 0 | 1;
  readonly weight: number;
  /** Of memories alone: nobody asks for that of others. */
  readonly meta: string | null;
}

export interface LeaderRow extends HeldRow {
  readonly seq: number;
  readonly sibling_count: number;
}

/** What a row says of its item, whichever version leads. */
export interface ItemRow extends ItemPlace {
  readonly seq: number;
  readonly siblingCount: number;
  /** Whether any version is there. */
  readonly isLive: boolean;
  /** JSON, in the place of the leading version's own; `null` leaves it that. */
  readonly meta: string | null;
}

const versionColumns = 'clock, time, order_time, device_id, epoch, deleted, payload, meta';
const versionValues = '?, ?, ?, ?, ?, ?, ?, ?';
const heldColumns = (meta: string) =>
  `clock, coalesce(order_time, time) AS order_time, device_id, deleted, ${versionWeight} AS weight, ${meta} AS meta`;

/** Written once: putting a text together for each change would cost as much as running it. */
const findLeaderSql = ofEachKind(
  (kind, table) =>
    `SELECT seq, sibling_count, ${heldColumns(kind === 'memory' ? 'meta' : 'NULL')} FROM ${table} WHERE id = ?`,
);
const listSiblingsSql = `SELECT ${heldColumns(`iif(kind = 'memory', meta, NULL)`)} FROM siblings
  WHERE kind = ? AND item_id = ?`;
const listVersionsSql = ofEachKind(
  (kind, table) => `SELECT ${versionColumns} FROM (
      SELECT ${versionColumns}, 1 AS leads FROM ${table} WHERE id = ?1
      UNION ALL SELECT ${versionColumns}, 0 FROM siblings WHERE kind = '${kind}' AND item_id = ?1
    ) ORDER BY leads DESC, coalesce(order_time, time) DESC`,
);
const getVersionSql = ofEachKind(
  (kind, table) => `SELECT ${versionColumns} FROM ${table} WHERE id = ?1 AND clock = ?2
    UNION ALL SELECT ${versionColumns} FROM siblings WHERE kind = '${kind}' AND item_id = ?1 AND clock = ?2`,
);
const addItemSql = ofEachKind(
  (_, table) => `INSERT INTO ${table} (seq, id, sibling_count, live, ${versionColumns})
    VALUES (?, ?, ?, ?, ${versionValues})`,
);
/** The values come in the order in which a row is inserted. */
const itemColumns = 'seq = ?1, sibling_count = ?3, live = ?4';
const leaderColumns = `clock = ?5, time = ?6, order_time = ?7, device_id = ?8, epoch = ?9, deleted = ?10,
  payload = ?11, meta = ?12`;
const putLeaderSql = ofEachKind(
  (_, table) => `UPDATE ${table} SET ${itemColumns}, ${leaderColumns} WHERE id = ?2`,
);
const promoteSql = ofEachKind(
  (kind, table) => `UPDATE ${table} SET ${itemColumns}, (${versionColumns}) = (
      SELECT ${versionColumns.replace(/meta$/, 'coalesce(?5, meta)')} FROM siblings
      WHERE kind = '${kind}' AND item_id = ?2 AND clock = ?6
    ) WHERE id = ?2`,
);
const keepLeaderSql = ofEachKind(
  (_, table) => `UPDATE ${table} SET ${itemColumns}, meta = coalesce(?5, meta) WHERE id = ?2`,
);
const layAsideSql = ofEachKind(
  (kind, table) => `INSERT INTO siblings (kind, item_id, ${versionColumns})
    SELECT '${kind}', id, ${versionColumns} FROM ${table} WHERE id = ?`,
);
const addSiblingSql = `INSERT INTO siblings (kind, item_id, ${versionColumns}) VALUES (?, ?, ${versionValues})`;
const dropSiblingSql = 'DELETE FROM siblings WHERE kind = ? AND item_id = ? AND clock = ?';
const moveSql = ofEachKind((_, table) => `UPDATE ${table} SET seq = ? WHERE id = ?`);

export type ItemStore = ReturnType<typeof createItemStore>;

export function createItemStore(vault: VaultDatabase) {
  return {
    findLeader(kind: Kind, id: string): LeaderRow | undefined {
      return vault.statement<LeaderRow>(findLeaderSql[kind]).get(id);
    },
    listSiblings(kind: Kind, id: string): HeldRow[] {
      return vault.statement<HeldRow>(listSiblingsSql).all(kind, id);
    },
    /** Every version of an item with what was written, the leading one first. */
    listVersions(kind: Kind, id: string): VersionRow[] {
      return vault.statement<VersionRow>(listVersionsSql[kind]).all(id);
    },
    /** The version with that clock, which the item has. */
    getVersion(kind: Kind, id: string, clock: string): VersionRow {
      const row = vault.statement<VersionRow>(getVersionSql[kind]).get(id, clock);
      if (row === undefined) throw new Error('a version that was just read is there');
      return row;
    },

    /** A new item, with its first version. */
    add(item: ItemRow, version: VersionRow): void {
      vault.statement(addItemSql[item.kind]).run(...valuesOf(item, version));
    },
    /** The version leads from now on, in the place of the one that did. */
    putLeader(item: ItemRow, version: VersionRow): void {
      vault.statement(putLeaderSql[item.kind]).run(...valuesOf(item, version));
    },
    /** The sibling with that clock does. It is still a sibling, too. */
    promote({ kind, id, seq, siblingCount, isLive, meta }: ItemRow, clock: string): void {
      vault.statement(promoteSql[kind]).run(seq, id, siblingCount, isLive ? 1 : 0, meta, clock);
    },
    /** The version that leads goes on to. */
    keepLeader({ kind, id, seq, siblingCount, isLive, meta }: ItemRow): void {
      vault.statement(keepLeaderSql[kind]).run(seq, id, siblingCount, isLive ? 1 : 0, meta);
    },
    /** The version that leads becomes a sibling; another is to lead. */
    layAside({ kind, id }: ItemPlace): void {
      vault.statement(layAsideSql[kind]).run(id);
    },
    addSibling({ kind, id }: ItemPlace, version: VersionRow): void {
      const { clock, time, order_time, device_id, epoch, deleted, payload, meta } = version;
      vault
        .statement(addSiblingSql)
        .run(kind, id, clock, time, order_time, device_id, epoch, deleted, payload, meta);
    },
    dropSibling({ kind, id }: ItemPlace, clock: string): void {
      vault.statement(dropSiblingSql).run(kind, id, clock);
    },
    /** What was made of an entry's content. */
    dropEmbeddings(id: string): void {
      vault.statement('DELETE FROM entry_embeddings WHERE item_id = ?').run(id);
    },
    /** Shows the item to every device again. */
    move(kind: Kind, id: string, seq: number): void {
      vault.statement(moveSql[kind]).run(seq, id);
    },
  };
}

function valuesOf({ seq, id, siblingCount, isLive, meta }: ItemRow, version: VersionRow) {
  const { clock, time, order_time, device_id, epoch, deleted, payload } = version;
  const live = isLive ? 1 : 0;
  // biome-ignore format: in the order of the statement's columns
  return [seq, id, siblingCount, live, clock, time, order_time, device_id, epoch, deleted, payload, meta] as const;
}

/** Bytes that a version adds to an answer, rounded up. Its columns hold ASCII alone. */
export function weightOf({ clock, payload, meta }: Pick<VersionRow, 'clock' | 'payload' | 'meta'>): number {
  return clock.length + (payload?.length ?? 0) + (meta?.length ?? 0) + rowWeight;
}
