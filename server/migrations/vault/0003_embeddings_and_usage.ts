/**
 * What models made of a vault's content, and what that cost. Vectors are sealed like the entries they come from, because
 * they tell what these say; of a call only counts are kept.
 */
export const up: readonly string[] = [
  `CREATE TABLE entry_embeddings (
    item_id TEXT NOT NULL,
    model TEXT NOT NULL,
    dimensions INTEGER NOT NULL CHECK (dimensions > 0),
    epoch INTEGER NOT NULL,
    vector BLOB NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (item_id, model)
  ) STRICT`,
  // Of an entry that was deleted nothing may stay. A row that is put in place of another counts as inserted.
  `CREATE TRIGGER entry_embeddings_of_deleted AFTER INSERT ON synced_entries WHEN new.live = 0
    BEGIN DELETE FROM entry_embeddings WHERE item_id = new.id; END`,

  // A cost of null: the model has no known price.
  `CREATE TABLE llm_usage (
    id TEXT PRIMARY KEY,
    at TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    cost_micros INTEGER,
    request_id TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX llm_usage_at ON llm_usage (at)`,
];
