/** All SQL of a vault. Knows the tables and nothing of the rule that decides what goes into them. */
import type { Kind, VectorClock } from '@alcove/contract';
import type { VaultDatabase } from '../../../platform/vaults/index.ts';
import type { History } from './cursor.ts';
import type { HeldVersion } from './versions.ts';

export const tables: Readonly<Record<Kind, string>> = {
  entry: 'synced_entries',
  memory: 'synced_memories',
  tag: 'synced_tags',
};
const versionColumns = 'clock, time, order_time, device_id, epoch, deleted, payload, meta';
const versionValues = '?, ?, ?, ?, ?, ?, ?, ?';

/**
 * Items leave the vault as JSON that SQLite writes: clock and meta are stored as JSON, ids, times and payloads have
 * alphabets without anything to escape, and making a JavaScript string of each column would cost twice as much as all
 * the rest of a pull.
 */
const versionMembers = `concat('"clock":', clock, ',"time":"', time, '","deviceId":"', device_id, '","epoch":', epoch,
  ',"deleted":', iif(deleted, 'true', 'false'), ',"payload":"' || payload || '"', ',"meta":' || meta)`;
/** Bytes that a version adds to an answer, rounded up. */
export const versionWeight =
  '(octet_length(clock) + coalesce(octet_length(payload), 0) + coalesce(octet_length(meta), 0) + 200)';

function itemJson(kind: Kind): string {
  const siblings = `(SELECT group_concat('{' || ${versionMembers} || '}' ORDER BY coalesce(order_time, time) DESC)
    FROM siblings WHERE kind = '${kind}' AND item_id = item.id)`;
  return `concat('{"id":"', id, '","kind":"${kind}","op":"', iif(deleted, 'delete', 'put'), '","seq":', seq, ',',
    ${versionMembers}, iif(sibling_count = 0, '}', concat(',"siblings":[', ${siblings}, ']}')))`;
}

/** Written once: putting a text together for each change would cost as much as running it. */
const findItemSql = ofEachKind(
  (kind, table) =>
    `SELECT '${kind}' AS kind, id, seq, sibling_count, ${versionColumns} FROM ${table} WHERE id = ?`,
);
const putItemSql = ofEachKind(
  (_, table) => `INSERT OR REPLACE INTO ${table} (seq, id, sibling_count, live, ${versionColumns})
    VALUES (?, ?, ?, ?, ${versionValues})`,
);
const itemJsonSql = ofEachKind(
  (kind, table) => `SELECT CAST(${itemJson(kind)} AS BLOB) AS json FROM ${table} AS item WHERE id = ?`,
);
const weighSql = ofEachKind(
  (kind, table) => `SELECT seq, ${versionWeight} + iif(sibling_count = 0, 0,
      (SELECT total(${versionWeight}) FROM siblings WHERE kind = '${kind}' AND item_id = item.id)) AS weight
    FROM ${table} AS item WHERE seq > ?1 AND (live = 1 OR seq > ?2)`,
);
const hasAnySql = ofEachKind(
  (_, table) => `EXISTS (SELECT 1 FROM ${table} WHERE seq > ?1 AND (live = 1 OR seq > ?2))`,
);
const pageJsonSql = ofEachKind(
  (kind, table) => `SELECT seq, ${itemJson(kind)} AS json
    FROM ${table} AS item WHERE seq > ?1 AND (live = 1 OR seq > ?2) AND seq <= ?3`,
);

function ofEachKind(write: (kind: Kind, table: string) => string): Readonly<Record<Kind, string>> {
  return {
    entry: write('entry', tables.entry),
    memory: write('memory', tables.memory),
    tag: write('tag', tables.tag),
  };
}

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

export interface ItemRow extends VersionRow {
  readonly kind: Kind;
  readonly id: string;
  readonly seq: number;
  readonly sibling_count: number;
}

export interface StoredAnswer {
  readonly fingerprint: string;
  readonly answer: string;
  readonly currents: string | null;
}

/** Which part of the feed of changes. */
export interface Stretch {
  readonly kinds: readonly Kind[];
  readonly afterSeq: number;
  /** Up to here, items of which nothing is left are passed over. */
  readonly quietUpTo: number;
}

/** What several items of the feed come to. */
export interface Measure {
  readonly count: number;
  readonly lastSeq: number | null;
  readonly weight: number;
}

/** What an item of the feed adds to an answer, in bytes, rounded up. */
export interface Weight {
  readonly seq: number;
  readonly weight: number;
}

export type VaultStore = ReturnType<typeof createVaultStore>;

export function createVaultStore(vault: VaultDatabase) {
  return {
    getHistory(): History {
      const history = vault.statement<History>('SELECT generation, head, floor FROM meta').get();
      if (history === undefined) throw new Error('a vault has one row of meta');
      return history;
    },
    setHead(head: number): void {
      vault.statement('UPDATE meta SET head = ?').run(head);
    },

    /** Begins another history, which shares with this one all that there is so far. */
    branch(at: string): void {
      vault.statement('INSERT OR REPLACE INTO lineage SELECT generation, head FROM meta').run();
      vault.statement('UPDATE meta SET generation = lower(hex(randomblob(16))), restored_at = ?').run(at);
    },

    findItem: (kind: Kind, id: string) => findItem(vault, kind, id),
    findSiblings: (kind: Kind, id: string) => findSiblings(vault, kind, id),
    putItem: (item: StoredItem) => putItem(vault, item),
    /** The item as JSON. */
    getItemJson(kind: Kind, id: string): Uint8Array {
      const row = vault.statement<{ json: Uint8Array }>(itemJsonSql[kind]).get(id);
      if (row === undefined) throw new Error('an item that was just read is there');
      return row.json;
    },
    weigh: (stretch: Stretch, rowsMax: number) => weigh(vault, stretch, rowsMax),
    hasAny: (stretch: Stretch) => hasAny(vault, stretch),
    measure: (stretch: Stretch, rowsMax: number) => measure(vault, stretch, rowsMax),
    writePage: (stretch: Stretch, upToSeq: number, rest: object) => writePage(vault, stretch, upToSeq, rest),

    findOpenConflict(kind: Kind, itemId: string): string | undefined {
      return vault
        .statement<{ id: string }>(
          `SELECT id FROM conflicts WHERE kind = ? AND item_id = ? AND state = 'open'`,
        )
        .get(kind, itemId)?.id;
    },
    openConflict(conflict: { id: string; kind: Kind; itemId: string; at: string }): void {
      vault
        .statement(
          `INSERT INTO conflicts (id, kind, item_id, detected_at, state) VALUES (?, ?, ?, ?, 'open')`,
        )
        .run(conflict.id, conflict.kind, conflict.itemId, conflict.at);
    },
    resolveConflict(kind: Kind, itemId: string, at: string): void {
      vault
        .statement(
          `UPDATE conflicts SET state = 'resolved', resolved_at = ? WHERE kind = ? AND item_id = ? AND state = 'open'`,
        )
        .run(at, kind, itemId);
    },
    /** Empty where there never was one. */
    findNewestConflictAt(): string {
      const newest = vault.statement<{ at: string | null }>(`SELECT max(detected_at) AS at FROM conflicts`);
      return newest.get()?.at ?? '';
    },

    countOpenConflicts(): number {
      const count = vault.statement<{ count: number }>(
        `SELECT count(*) AS count FROM conflicts WHERE state = 'open'`,
      );
      return count.get()?.count ?? 0;
    },

    findCounter(deviceId: string): number | undefined {
      return vault
        .statement<{ counter: number }>('SELECT counter FROM device_info WHERE device_id = ?')
        .get(deviceId)?.counter;
    },
    raiseCounter(deviceId: string, counter: number, at: string): void {
      vault
        .statement(
          `INSERT INTO device_info (device_id, counter, acknowledged_seq, first_seen_at) VALUES (?, ?, 0, ?)
           ON CONFLICT (device_id) DO UPDATE SET counter = max(counter, excluded.counter)`,
        )
        .run(deviceId, counter, at);
    },
    findAcknowledged(deviceId: string): number | undefined {
      return vault
        .statement<{ seq: number }>('SELECT acknowledged_seq AS seq FROM device_info WHERE device_id = ?')
        .get(deviceId)?.seq;
    },
    acknowledge(deviceId: string, seq: number, at: string): void {
      vault
        .statement(
          `INSERT INTO device_info (device_id, counter, acknowledged_seq, first_seen_at) VALUES (?, 0, ?, ?)
           ON CONFLICT (device_id) DO UPDATE SET acknowledged_seq = max(acknowledged_seq, excluded.acknowledged_seq)`,
        )
        .run(deviceId, seq, at);
    },

    findAnswer(key: string): StoredAnswer | undefined {
      return vault
        .statement<StoredAnswer>('SELECT fingerprint, answer, currents FROM idempotency WHERE key = ?')
        .get(key);
    },
    putAnswer(key: string, answer: StoredAnswer, expiresAtMs: number): void {
      vault
        .statement(
          'INSERT INTO idempotency (key, fingerprint, answer, currents, expires_at_ms) VALUES (?, ?, ?, ?, ?)',
        )
        .run(key, answer.fingerprint, answer.answer, answer.currents, expiresAtMs);
    },
    dropAnswersExpiredAt(nowMs: number): void {
      vault.statement('DELETE FROM idempotency WHERE expires_at_ms <= ?').run(nowMs);
    },
    /** Stored answers must not keep the content of something that has been deleted since. */
    forgetCurrents(): void {
      vault.statement('UPDATE idempotency SET currents = NULL WHERE currents IS NOT NULL').run();
    },
  };
}

/** An item as it is written: its leading version first. */
export interface StoredItem {
  readonly kind: Kind;
  readonly id: string;
  readonly seq: number;
  readonly leader: HeldVersion;
  readonly siblings: readonly HeldVersion[];
  /** Whether the item had siblings before. */
  readonly hadSiblings: boolean;
}

function findItem(vault: VaultDatabase, kind: Kind, id: string): ItemRow | undefined {
  return vault.statement<ItemRow>(findItemSql[kind]).get(id);
}

function findSiblings(vault: VaultDatabase, kind: Kind, id: string): VersionRow[] {
  return vault
    .statement<VersionRow>(
      `SELECT ${versionColumns} FROM siblings WHERE kind = ? AND item_id = ? ORDER BY coalesce(order_time, time) DESC`,
    )
    .all(kind, id);
}

function putItem(vault: VaultDatabase, item: StoredItem): void {
  const { kind, id, seq, leader, siblings } = item;
  const isLive = [leader, ...siblings].some(({ deleted }) => !deleted);
  vault.statement(putItemSql[kind]).run(seq, id, siblings.length, isLive ? 1 : 0, ...valuesOf(leader));
  if (item.hadSiblings) vault.statement('DELETE FROM siblings WHERE kind = ? AND item_id = ?').run(kind, id);
  const insert = `INSERT INTO siblings (kind, item_id, ${versionColumns}) VALUES (?, ?, ${versionValues})`;
  for (const sibling of siblings) vault.statement(insert).run(kind, id, ...valuesOf(sibling));
}

function valuesOf(version: HeldVersion) {
  return [
    JSON.stringify(version.clock),
    version.time,
    version.orderTime === version.time ? null : version.orderTime,
    version.deviceId,
    version.epoch,
    version.deleted ? 1 : 0,
    version.payload ?? null,
    version.meta === undefined ? null : JSON.stringify(version.meta),
  ] as const;
}

/** Reads the rows of a version, with siblings where there are some. */
export function rowToVersion(row: VersionRow): HeldVersion {
  const clock: VectorClock = JSON.parse(row.clock);
  return {
    clock,
    time: row.time,
    orderTime: row.order_time ?? row.time,
    deviceId: row.device_id,
    epoch: row.epoch,
    deleted: row.deleted === 1,
    payload: row.payload ?? undefined,
    meta: row.meta === null ? undefined : JSON.parse(row.meta),
  };
}

/** Each table is in the order of its key, so SQLite merges them row by row and reads no further than it is asked. */
function weigh(vault: VaultDatabase, stretch: Stretch, rowsMax: number): Weight[] {
  const { kinds, afterSeq, quietUpTo } = stretch;
  return vault.statement<Weight>(weightsSql(kinds)).all(afterSeq, quietUpTo, rowsMax);
}

/** What the next items come to, without making a row of each. */
function measure(vault: VaultDatabase, stretch: Stretch, rowsMax: number): Measure {
  const { kinds, afterSeq, quietUpTo } = stretch;
  const sql = `SELECT count(*) AS count, max(seq) AS lastSeq, total(weight) AS weight FROM (${weightsSql(kinds)})`;
  const measured = vault.statement<Measure>(sql).get(afterSeq, quietUpTo, rowsMax);
  if (measured === undefined) throw new Error('counting answers a row');
  return measured;
}

function hasAny(vault: VaultDatabase, { kinds, afterSeq, quietUpTo }: Stretch): boolean {
  const sql = `SELECT ${kinds.map((kind) => hasAnySql[kind]).join(' OR ')} AS found`;
  return vault.statement<{ found: 0 | 1 }>(sql).get(afterSeq, quietUpTo)?.found === 1;
}

const weightsSql = (kinds: readonly Kind[]) =>
  `${kinds.map((kind) => weighSql[kind]).join(' UNION ALL ')} ORDER BY seq LIMIT ?3`;

/** A whole answer as JSON: the items of the stretch in the order of their numbers, and the members of `rest`. */
function writePage(vault: VaultDatabase, stretch: Stretch, upToSeq: number, rest: object): Uint8Array {
  const { kinds, afterSeq, quietUpTo } = stretch;
  // Each table is in the order of its key: ordered here, SQLite merges them as it reads. Ordered in the aggregate, it would
  // first copy every item into a sorter, which costs as much as writing the page.
  const items = `${kinds.map((kind) => pageJsonSql[kind]).join(' UNION ALL ')} ORDER BY seq`;
  const sql = `SELECT CAST(concat('{"changes":[', group_concat(json), ?4) AS BLOB) AS json FROM (${items})`;
  const tail = `],${JSON.stringify(rest).slice(1)}`;
  const row = vault.statement<{ json: Uint8Array }>(sql).get(afterSeq, quietUpTo, upToSeq, tail);
  if (row === undefined) throw new Error('concatenating answers a row');
  return row.json;
}
