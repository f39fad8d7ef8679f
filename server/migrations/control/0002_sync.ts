/**
 * Which vault belongs to which account. The name is random: whoever holds the vaults' files alone cannot tell whose they
 * are. `new` until the vault's file is known to exist; from then on a missing file is a failure, never an empty vault.
 */
import { fence, ofAccount } from './fence.ts';

export const up: readonly string[] = [
  `create table vault (
    account_id uuid primary key references account on delete cascade,
    name text not null unique check (name ~ '^[0-9a-f]{32}$'),
    state text not null check (state in ('new', 'ready')),
    created_at timestamptz not null
  )`,
  ...fence('vault', ofAccount),
];

export const down: readonly string[] = ['drop table vault'];
