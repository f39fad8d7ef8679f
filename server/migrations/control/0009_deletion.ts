/**
 * Leaving. A challenge is what a device signs to prove that its account is to be deleted. A removal is something outside
 * of this database that is still to go, such as a vault's file: it knows a random name and not whose it was.
 */
import { fence, ofAccount } from './fence.ts';

export const up: readonly string[] = [
  `create table deletion_challenge (
    hash bytea primary key,
    account_id uuid not null references account on delete cascade,
    expires_at timestamptz not null
  )`,
  `create index deletion_challenge_account on deletion_challenge (account_id)`,
  `create index deletion_challenge_expires on deletion_challenge (expires_at)`,
  ...fence('deletion_challenge', ofAccount),

  `create table removal (
    kind text not null,
    name text not null,
    attempts integer not null default 0,
    next_at timestamptz not null,
    primary key (kind, name)
  )`,
  `create index removal_next on removal (next_at)`,
];

export const down: readonly string[] = [`drop table removal`, `drop table deletion_challenge`];
