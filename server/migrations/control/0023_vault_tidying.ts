/**
 * When a vault may have something to forget. Each says so itself when it is tidied, so that nobody has to open them all to
 * know; one that says nothing yet is looked at within a month. At random, so that they do not all come at once.
 */
export const up: readonly string[] = [
  `alter table vault
    add column tidied_at timestamptz,
    add column tidy_at timestamptz not null default now() + (1 + 29 * random()) * interval '1 day'`,
  `create index vault_tidy_at on vault (tidy_at) where state = 'ready'`,
];

export const down: readonly string[] = [
  'drop index vault_tidy_at',
  'alter table vault drop column tidied_at, drop column tidy_at',
];
