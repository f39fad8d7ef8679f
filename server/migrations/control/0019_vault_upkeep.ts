/**
 * How far each vault has come, mirrored from its file so that nobody has to open them all to know. Everything is nullable:
 * the rows that are there need no rewriting. `migrate_at` is when the vault may be looked at again: the end of a claim, so
 * that a node that died with it delays it and no more, or the time for another attempt.
 */
export const up: readonly string[] = [
  `alter table vault
    add column schema_version integer,
    add column migrate_at timestamptz,
    add column migrate_attempts integer,
    add column trouble_code text,
    add column trouble_since timestamptz`,
  `create index vault_schema_version on vault (schema_version, migrate_at) where state = 'ready'`,
  `create index vault_trouble on vault (name) where trouble_code is not null`,
];

export const down: readonly string[] = [
  `alter table vault
    drop column schema_version,
    drop column migrate_at,
    drop column migrate_attempts,
    drop column trouble_code,
    drop column trouble_since`,
];
