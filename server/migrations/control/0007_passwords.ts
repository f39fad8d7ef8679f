/**
 * Accounts with a mail address and a password. A mail address belongs to one account; it is kept trimmed, in lower case
 * and in Unicode's composed form. Of a token only its hash is kept, and of an address at which somebody tried to sign in
 * only a keyed hash: attempts are counted for addresses of nobody too, so that the counting does not tell who is here.
 */
import { fence, ofAccount } from './fence.ts';

export const up: readonly string[] = [
  `alter table account add column email_verified_at timestamptz`,
  `create unique index account_email on account (email) where email is not null`,

  `create table password (
    account_id uuid primary key references account on delete cascade,
    hash text not null,
    changed_at timestamptz not null
  )`,
  ...fence('password', ofAccount),

  `create table mail_token (
    hash bytea primary key,
    account_id uuid not null references account on delete cascade,
    purpose text not null check (purpose in ('verify', 'reset')),
    email text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null
  )`,
  `create index mail_token_account on mail_token (account_id, purpose, created_at)`,
  `create index mail_token_expires on mail_token (expires_at)`,
  ...fence('mail_token', ofAccount),

  `create table login_attempt (
    login_hash bytea primary key,
    failures integer not null,
    blocked_until timestamptz not null,
    last_at timestamptz not null
  )`,
  `create index login_attempt_last on login_attempt (last_at)`,
];

export const down: readonly string[] = [
  `drop table login_attempt`,
  `drop table mail_token`,
  `drop table password`,
  `drop index account_email`,
  `alter table account drop column email_verified_at`,
];
