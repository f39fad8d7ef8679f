/**
 * Answers hold only what does not follow from their request, and are counted, so that there are never too many. What was
 * kept in the larger form goes: a change that comes again is still known by its clock.
 */
export const up: readonly string[] = [
  `DROP TABLE idempotency`,
  `CREATE TABLE idempotency (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL,
    answer TEXT NOT NULL,
    expires_at_ms INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX idempotency_expiry ON idempotency (expires_at_ms)`,

  // Kept in the transaction of every change, because each pull says it and a vault may have very many.
  `ALTER TABLE meta ADD COLUMN conflicts_open INTEGER NOT NULL DEFAULT 0`,
  `UPDATE meta SET conflicts_open = (SELECT count(*) FROM conflicts WHERE state = 'open')`,
];
