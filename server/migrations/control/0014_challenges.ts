/**
 * Signing in by a device's signature. A challenge proves itself that it was given out here, so only those that were
 * signed are written down, as a hash, to be good once.
 */
import { fence, ofAccount } from './fence.ts';

export const up: readonly string[] = [
  `create table signed_challenge (
    hash bytea primary key,
    account_id uuid not null references account on delete cascade,
    expires_at timestamptz not null
  )`,
  `create index signed_challenge_account on signed_challenge (account_id)`,
  `create index signed_challenge_expires on signed_challenge (expires_at)`,
  ...fence('signed_challenge', ofAccount),
];

export const down: readonly string[] = [`drop table signed_challenge`];
