/**
 * The SQL of a vault as a whole and its feed; `*-store.ts` beside it have the rest. Knows the tables and nothing of the
 * rule that decides what goes into them.
 */
import type { Kind, SyncPolicy } from '@alcove/contract';
import type { VaultDatabase } from '../../../platform/vaults/index.ts';
import { createConflictStore } from './conflict-store.ts';
import type { History } from './cursor.ts';
import { createDeviceStore } from './device-store.ts';
import { createItemStore } from './item-store.ts';
import { ofEachKind, versionWeight } from './tables.ts';
import { createTombstoneStore } from './tombstone-store.ts';

/**
 * Items leave the vault as JSON that SQLite writes: clock and meta are stored as JSON, ids, times and payloads have
 * alphabets without anything to escape, and making a JavaScript string of each column would cost twice as much as all
 * the rest of a pull.
 */
const versionMembers = `concat('"clock":', clock, ',"time":"', time, '","deviceId":"', device_id, '","epoch":', epoch,
  ',"deleted":', iif(deleted, 'true', 'false'), ',"payload":"' || payload || '"', ',"meta":' || meta)`;

function itemJson(kind: Kind): string {
  const siblings = `(SELECT group_concat('{' || ${versionMembers} || '}' ORDER BY coalesce(order_time, time) DESC)
    FROM siblings WHERE kind = '${kind}' AND item_id = item.id)`;
  const conflict = `(SELECT ',"conflictId":"' || id || '"' FROM conflicts
    WHERE kind = '${kind}' AND item_id = item.id AND state = 'open')`;
  const beside = `iif(sibling_count = 0, '}', concat(',"siblings":[', ${siblings}, ']', ${conflict}, '}'))`;
  return loneItemJson(kind, beside);
}

function loneItemJson(kind: Kind, end = `'}'`): string {
  return `concat('{"id":"', id, '","kind":"${kind}","op":"', iif(deleted, 'delete', 'put'), '","seq":', seq, ',',
    ${versionMembers}, ${end})`;
}

const itemJsonSql = ofEachKind(
  (kind, table) => `SELECT CAST(${itemJson(kind)} AS BLOB) AS json FROM ${table} AS item WHERE id = ?`,
);
const feedOf = (columns: string, table: string) =>
  `SELECT seq, ${columns} FROM ${table} AS item WHERE seq > ?1 AND (live = 1 OR seq > ?2)`;
const siblingsWeight = (kind: Kind) => `iif(sibling_count = 0, 0,
  (SELECT total(${versionWeight}) FROM siblings WHERE kind = '${kind}' AND item_id = item.id))`;
/** In a vault without siblings, asking each row for them would be a third of the work. */
const feedSql = {
  lone: {
    weights: ofEachKind((_, table) => feedOf(`${versionWeight} AS weight`, table)),
    items: ofEachKind((kind, table) => `${feedOf(`${loneItemJson(kind)} AS json`, table)} AND seq <= ?3`),
  },
  withSiblings: {
    weights: ofEachKind((kind, table) =>
      feedOf(`${versionWeight} + ${siblingsWeight(kind)} AS weight`, table),
    ),
    items: ofEachKind((kind, table) => `${feedOf(`${itemJson(kind)} AS json`, table)} AND seq <= ?3`),
  },
};
const hasAnySql = ofEachKind(
  (_, table) => `EXISTS (SELECT 1 FROM ${table} WHERE seq > ?1 AND (live = 1 OR seq > ?2))`,
);

const stateSql = `SELECT generation, head, floor, items, bytes, conflicts_open AS conflictsOpen,
  entries_policy AS entriesPolicy, restored_at AS restoredAt, tidy_after_ms AS tidyAfterMs FROM meta`;

export interface StoredAnswer {
  readonly fingerprint: string;
  readonly answer: string;
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

/** How far a vault has come, and what it holds. */
export interface VaultExtent {
  readonly head: number;
  /** Items of which something is there. */
  readonly items: number;
  /** What all held versions come to. */
  readonly bytes: number;
  readonly conflictsOpen: number;
}

/** What a vault says of itself as a whole. */
export interface VaultState extends History, VaultExtent {
  readonly entriesPolicy: SyncPolicy['entries'];
  /** When this history began as the copy of an older one. */
  readonly restoredAt: string | null;
  readonly tidyAfterMs: number;
}

export interface EmbeddingRow {
  readonly item_id: string;
  readonly model: string;
  readonly dimensions: number;
  readonly epoch: number;
  readonly vector: Uint8Array;
  readonly updated_at: string;
}

export interface UsageRow {
  readonly id: string;
  readonly at: string;
  readonly provider: string;
  readonly model: string;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cost_micros: number | null;
  readonly request_id: string;
}

export type VaultStore = ReturnType<typeof createVaultStore>;

export function createVaultStore(vault: VaultDatabase) {
  return {
    getState(): VaultState {
      const state = vault.statement<VaultState>(stateSql).get();
      if (state === undefined) throw new Error('a vault has one row of meta');
      return state;
    },
    setExtent({ head, items, bytes, conflictsOpen }: VaultExtent): void {
      vault
        .statement('UPDATE meta SET head = ?, items = ?, bytes = ?, conflicts_open = ?')
        .run(head, items, bytes, conflictsOpen);
    },
    setEntriesPolicy(policy: SyncPolicy['entries']): void {
      vault.statement('UPDATE meta SET entries_policy = ?').run(policy);
    },
    /** The last sequence number that an earlier history shares with this one. */
    findSharedHead(generation: string): number | undefined {
      return vault
        .statement<{ head: number }>('SELECT head FROM lineage WHERE generation = ?')
        .get(generation)?.head;
    },
    items: createItemStore(vault),
    conflicts: createConflictStore(vault),
    devices: createDeviceStore(vault),
    tombstones: createTombstoneStore(vault),

    listEmbeddings({
      itemId,
      model,
      limit,
    }: {
      itemId: string;
      model: string;
      limit: number;
    }): EmbeddingRow[] {
      return vault
        .statement<EmbeddingRow>(
          `SELECT * FROM entry_embeddings WHERE (item_id, model) > (?, ?) ORDER BY item_id, model LIMIT ?`,
        )
        .all(itemId, model, limit);
    },
    listUsage({ id, limit }: { id: string; limit: number }): UsageRow[] {
      return vault
        .statement<UsageRow>('SELECT * FROM llm_usage WHERE id > ? ORDER BY id LIMIT ?')
        .all(id, limit);
    },

    /** What there is so far, the next history shares with this one. */
    rememberHistory(): void {
      vault.statement('INSERT OR REPLACE INTO lineage SELECT generation, head FROM meta').run();
    },
    /** Begins another history. */
    branch(at: string): void {
      vault.statement('UPDATE meta SET generation = lower(hex(randomblob(16))), restored_at = ?').run(at);
      vault.statement('UPDATE device_info SET came_with = NULL').run();
    },

    /** The item as JSON. */
    findItemJson(kind: Kind, id: string): Uint8Array | undefined {
      return vault.statement<{ json: Uint8Array }>(itemJsonSql[kind]).get(id)?.json;
    },
    weigh: (stretch: Stretch, rowsMax: number) => weigh(vault, stretch, rowsMax),
    hasAny: (stretch: Stretch) => hasAny(vault, stretch),
    measure: (stretch: Stretch, rowsMax: number) => measure(vault, stretch, rowsMax),
    writePage: (stretch: Stretch, upToSeq: number, rest: object) => writePage(vault, stretch, upToSeq, rest),

    findAnswer(key: string, nowMs: number): StoredAnswer | undefined {
      return vault
        .statement<StoredAnswer>(
          'SELECT fingerprint, answer FROM idempotency WHERE key = ? AND expires_at_ms > ?',
        )
        .get(key, nowMs);
    },
    hasAnswers(): boolean {
      return vault.statement('SELECT 1 FROM idempotency LIMIT 1').get() !== undefined;
    },
    putAnswer(key: string, answer: StoredAnswer, expiresAtMs: number): void {
      vault
        .statement('INSERT INTO idempotency (key, fingerprint, answer, expires_at_ms) VALUES (?, ?, ?, ?)')
        .run(key, answer.fingerprint, answer.answer, expiresAtMs);
    },
    /** Drops what has expired, and all but the last so many. */
    dropAnswers(nowMs: number, lastKept: number): void {
      vault
        .statement(
          `DELETE FROM idempotency
            WHERE expires_at_ms <= ? OR number <= (SELECT max(number) FROM idempotency) - ?`,
        )
        .run(nowMs, lastKept);
    },
  };
}

/** Each table is in the order of its key, so SQLite merges them row by row and reads no further than it is asked. */
function weigh(vault: VaultDatabase, stretch: Stretch, rowsMax: number): Weight[] {
  const { kinds, afterSeq, quietUpTo } = stretch;
  return vault.statement<Weight>(weightsSql(vault, kinds)).all(afterSeq, quietUpTo, rowsMax);
}

/** What the next items come to, without making a row of each. */
function measure(vault: VaultDatabase, stretch: Stretch, rowsMax: number): Measure {
  const { kinds, afterSeq, quietUpTo } = stretch;
  const sql = `SELECT count(*) AS count, max(seq) AS lastSeq, total(weight) AS weight FROM (${weightsSql(vault, kinds)})`;
  const measured = vault.statement<Measure>(sql).get(afterSeq, quietUpTo, rowsMax);
  if (measured === undefined) throw new Error('counting answers a row');
  return measured;
}

function hasAny(vault: VaultDatabase, { kinds, afterSeq, quietUpTo }: Stretch): boolean {
  const sql = `SELECT ${kinds.map((kind) => hasAnySql[kind]).join(' OR ')} AS found`;
  return vault.statement<{ found: 0 | 1 }>(sql).get(afterSeq, quietUpTo)?.found === 1;
}

function weightsSql(vault: VaultDatabase, kinds: readonly Kind[]): string {
  const { weights } = feedSqlFor(vault);
  return `${kinds.map((kind) => weights[kind]).join(' UNION ALL ')} ORDER BY seq LIMIT ?3`;
}

function feedSqlFor(vault: VaultDatabase) {
  const any = vault.statement<{ found: 0 | 1 }>('SELECT EXISTS (SELECT 1 FROM siblings) AS found').get();
  return any?.found === 0 ? feedSql.lone : feedSql.withSiblings;
}

/** A whole answer as JSON: the items of the stretch in the order of their numbers, and the members of `rest`. */
function writePage(vault: VaultDatabase, stretch: Stretch, upToSeq: number, rest: object): Uint8Array {
  const { kinds, afterSeq, quietUpTo } = stretch;
  // Each table is in the order of its key: ordered here, SQLite merges them as it reads. Ordered in the aggregate, it would
  // first copy every item into a sorter, which costs as much as writing the page.
  const { items: itemsSql } = feedSqlFor(vault);
  const items = `${kinds.map((kind) => itemsSql[kind]).join(' UNION ALL ')} ORDER BY seq`;
  const sql = `SELECT CAST(concat('{"changes":[', group_concat(json), ?4) AS BLOB) AS json FROM (${items})`;
  const tail = `],${JSON.stringify(rest).slice(1)}`;
  const row = vault.statement<{ json: Uint8Array }>(sql).get(afterSeq, quietUpTo, upToSeq, tail);
  if (row === undefined) throw new Error('concatenating answers a row');
  return row.json;
}
