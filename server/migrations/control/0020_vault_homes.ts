/**
 * Where a vault lies: in a file beside this database, or on the machine that holds the remote ones. `moving_to` is set while
 * it is copied from one to the other; it answers nobody then, and `home` is the truth until the copy is proven.
 * `move_attempt` tells the attempt that may end the move from one that was given up for dead.
 */
export const up: readonly string[] = [
  `alter table vault
    add column home text not null default 'local' check (home in ('local', 'remote')),
    add column moving_to text check (moving_to in ('local', 'remote') and moving_to <> home),
    add column move_attempt uuid,
    add column move_begun_at timestamptz`,
  `create index vault_moving on vault (move_begun_at) where moving_to is not null`,
];

export const down: readonly string[] = [
  'drop index vault_moving',
  `alter table vault
    drop column home, drop column moving_to, drop column move_attempt, drop column move_begun_at`,
];
