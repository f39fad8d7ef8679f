/**
 * Accounts that sign in through another service. An identity is a provider and what the provider calls the person; a mail
 * address identifies nobody. A flow is a sign-in under way, bound to the browser that began it; a code is its result, for
 * the app to exchange. Of states, browsers and codes only hashes are kept.
 */
import { fence, ofAccount } from './fence.ts';

export const up: readonly string[] = [
  `create table oauth_identity (
    provider text not null check (provider in ('google', 'github')),
    subject text not null,
    account_id uuid not null references account on delete cascade,
    email text,
    created_at timestamptz not null,
    primary key (provider, subject)
  )`,
  `create index oauth_identity_account on oauth_identity (account_id)`,
  ...fence('oauth_identity', ofAccount),

  `create table oauth_flow (
    state_hash bytea primary key,
    provider text not null,
    browser_hash bytea not null,
    redirect text,
    code_challenge text,
    expires_at timestamptz not null
  )`,
  `create index oauth_flow_expires on oauth_flow (expires_at)`,

  `create table oauth_code (
    hash bytea primary key,
    account_id uuid not null references account on delete cascade,
    provider text not null,
    code_challenge text,
    expires_at timestamptz not null
  )`,
  `create index oauth_code_account on oauth_code (account_id)`,
  `create index oauth_code_expires on oauth_code (expires_at)`,
  ...fence('oauth_code', ofAccount),
];

export const down: readonly string[] = [
  `drop table oauth_code`,
  `drop table oauth_flow`,
  `drop table oauth_identity`,
];
