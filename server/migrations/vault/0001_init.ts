/**
 * A vault: one row per item, moved to the next sequence number by every write that is accepted.
 *
 * `seq` is the key of the rows, so the feed of changes is the table itself, read in order; it is counted once for the
 * three tables, in `meta.head`. What a row says of clock, time, device and payload is its leading version. Concurrent
 * versions beside it are rows of `siblings`.
 */
const version = `
    clock TEXT NOT NULL,
    time TEXT NOT NULL,
    order_time TEXT,
    device_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    payload TEXT,
    meta TEXT`;

/** `live`: some held version is not deleted. `sibling_count` spares a look for siblings where there are none. */
const synced = (table: string): string => `CREATE TABLE ${table} (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    sibling_count INTEGER NOT NULL,
    live INTEGER NOT NULL,${version}
  ) STRICT`;

export const up: readonly string[] = [
  `CREATE TABLE meta (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    generation TEXT NOT NULL,
    head INTEGER NOT NULL,
    floor INTEGER NOT NULL
  ) STRICT`,
  `INSERT INTO meta VALUES (1, lower(hex(randomblob(16))), 0, 0)`,

  synced('synced_entries'),
  synced('synced_memories'),
  synced('synced_tags'),
  `CREATE TABLE siblings (
    kind TEXT NOT NULL,
    item_id TEXT NOT NULL,${version}
  ) STRICT`,
  `CREATE INDEX siblings_item ON siblings (kind, item_id)`,

  `CREATE TABLE conflicts (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    item_id TEXT NOT NULL,
    detected_at TEXT NOT NULL,
    resolved_at TEXT,
    state TEXT NOT NULL CHECK (state IN ('open', 'resolved'))
  ) STRICT`,
  `CREATE UNIQUE INDEX conflicts_open ON conflicts (kind, item_id) WHERE state = 'open'`,

  `CREATE TABLE device_info (
    device_id TEXT PRIMARY KEY,
    counter INTEGER NOT NULL,
    acknowledged_seq INTEGER NOT NULL,
    first_seen_at TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`,

  `CREATE TABLE idempotency (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    answer TEXT NOT NULL,
    currents TEXT,
    expires_at_ms INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX idempotency_expiry ON idempotency (expires_at_ms)`,
];
