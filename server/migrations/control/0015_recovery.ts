/**
 * The recovery key of an account: a device that is never signed in, at most one at a time, with a blob that only its
 * holder reads. A session remembers by which recovery key it was opened.
 */
export const up: readonly string[] = [
  `alter table device
    add column kind text not null default 'device' check (kind in ('device', 'recovery')),
    add column recovery_blob text`,
  `create unique index device_recovery on device (account_id) where kind = 'recovery' and revoked_at is null`,
  `alter table session add column recovery_id uuid references device on delete cascade`,
  `create index session_recovery on session (recovery_id) where recovery_id is not null`,
];

export const down: readonly string[] = [
  `alter table session drop column recovery_id`,
  `delete from device where kind = 'recovery'`,
  `alter table device drop column recovery_blob, drop column kind`,
];
