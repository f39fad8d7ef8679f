/**
 * What the rules of a vault go by: what it holds, how concurrent entries are treated, which histories came before this
 * one, and how far deletions may be forgotten.
 */
const tables = ['synced_entries', 'synced_memories', 'synced_tags'] as const;

/** Bytes of a version as it travels, rounded up. The store weighs in the same way. */
const weight =
  'octet_length(clock) + coalesce(octet_length(payload), 0) + coalesce(octet_length(meta), 0) + 200';

const weightOf = (table: string): string => `(SELECT coalesce(sum(${weight}), 0) FROM ${table})`;

export const up: readonly string[] = [
  // `items` counts those of which something is there, `bytes` every version that is held, deletions too.
  `ALTER TABLE meta ADD COLUMN items INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE meta ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE meta ADD COLUMN entries_policy TEXT NOT NULL DEFAULT 'manual'
    CHECK (entries_policy IN ('manual', 'last-writer-wins'))`,
  // When this history began as the copy of an older one, as RFC 3339; none for a vault that was never restored.
  `ALTER TABLE meta ADD COLUMN restored_at TEXT`,
  // From when on somebody should look again for what can be forgotten.
  `ALTER TABLE meta ADD COLUMN tidy_after_ms INTEGER NOT NULL DEFAULT 0`,
  `UPDATE meta SET
    items = ${tables.map((table) => `(SELECT count(*) FROM ${table} WHERE live = 1)`).join(' + ')},
    bytes = ${[...tables, 'siblings'].map(weightOf).join(' + ')}`,

  // The histories that this one grew out of, each with the last sequence number that both share.
  `CREATE TABLE lineage (generation TEXT PRIMARY KEY, head INTEGER NOT NULL) STRICT, WITHOUT ROWID`,

  // `collected_counter`: the highest counter of the device in any deletion that was forgotten.
  // `awaited`: the device still stands and is heard of, so deletions wait until it has acknowledged them.
  `ALTER TABLE device_info ADD COLUMN collected_counter INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE device_info ADD COLUMN awaited INTEGER NOT NULL DEFAULT 1`,
  // How far the vault had come at some moments of the server's clock: the age of a deletion without trusting a device's.
  `CREATE TABLE milestones (at_ms INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT`,

  ...tables.map((table) => `CREATE INDEX ${table}_gone ON ${table} (seq) WHERE live = 0`),
  `CREATE INDEX conflicts_resolved ON conflicts (resolved_at) WHERE state = 'resolved'`,
];
