/**
 * Accounts, their devices, sessions and keys. Rows of an account are fenced by `alcove.account`, rows of a workspace by
 * `alcove.workspace`; both are set for one transaction at a time.
 */
import { fence, ofAccount, ofWorkspace } from './fence.ts';

export const up: readonly string[] = [
  `create table account (
    id uuid primary key,
    kind text not null check (kind in ('anonymous', 'password', 'oauth', 'guest')),
    email text,
    display_name text,
    created_at timestamptz not null,
    expires_at timestamptz
  )`,
  ...fence('account', `id = nullif(current_setting('alcove.account', true), '')::uuid`),

  `create table workspace (
    id uuid primary key,
    name text not null,
    created_at timestamptz not null
  )`,
  `create table member (
    workspace_id uuid not null references workspace on delete cascade,
    account_id uuid not null references account on delete cascade,
    role text not null check (role in ('owner', 'admin', 'member', 'viewer')),
    personal boolean not null default false,
    created_at timestamptz not null,
    primary key (workspace_id, account_id)
  )`,
  `create index member_account on member (account_id)`,
  ...fence('member', `${ofWorkspace} or ${ofAccount}`),
  ...fence('workspace', `id in (select workspace_id from member)`),

  `create table device (
    id uuid primary key,
    account_id uuid not null references account on delete cascade,
    name text not null,
    platform text not null,
    encryption_key jsonb not null,
    signing_key jsonb not null,
    fingerprint text not null,
    endorsed_by uuid,
    created_at timestamptz not null,
    last_seen_at timestamptz,
    revoked_at timestamptz
  )`,
  `create index device_account on device (account_id)`,
  ...fence('device', ofAccount),

  `create table session (
    id uuid primary key,
    account_id uuid not null references account on delete cascade,
    device_id uuid references device on delete cascade,
    workspace_id uuid not null references workspace on delete cascade,
    user_agent text,
    created_at timestamptz not null,
    last_seen_at timestamptz,
    ended_at timestamptz
  )`,
  `create index session_account on session (account_id)`,
  ...fence('session', ofAccount),

  `create table refresh_token (
    hash bytea primary key,
    account_id uuid not null references account on delete cascade,
    session_id uuid not null references session on delete cascade,
    parent_hash bytea unique,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    used_at timestamptz
  )`,
  `create index refresh_token_session on refresh_token (session_id)`,
  `create index refresh_token_expires on refresh_token (expires_at)`,
  ...fence('refresh_token', ofAccount),

  `create table pairing (
    id uuid primary key,
    account_id uuid references account on delete cascade,
    device_id uuid not null unique,
    device jsonb not null,
    fingerprint text not null,
    challenge text not null,
    endorsement jsonb,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    claimed_at timestamptz
  )`,
  `create index pairing_expires on pairing (expires_at)`,
  ...fence('pairing', `account_id is null or ${ofAccount}`),

  `create table device_log (
    account_id uuid not null references account on delete cascade,
    position integer not null,
    hash text not null,
    entry jsonb not null,
    primary key (account_id, position)
  )`,
  ...fence('device_log', ofAccount),

  `create table key_epoch (
    account_id uuid not null references account on delete cascade,
    epoch integer not null check (epoch > 0),
    minted_by uuid not null references device,
    recovery text,
    created_at timestamptz not null,
    primary key (account_id, epoch)
  )`,
  ...fence('key_epoch', ofAccount),

  `create table key_share (
    account_id uuid not null,
    epoch integer not null,
    device_id uuid not null references device on delete cascade,
    wrapped text not null,
    primary key (account_id, epoch, device_id),
    foreign key (account_id, epoch) references key_epoch on delete cascade
  )`,
  `create index key_share_device on key_share (device_id)`,
  ...fence('key_share', ofAccount),

  `create table signing_key (
    id text primary key,
    public_key jsonb not null,
    private_key_sealed bytea not null,
    created_at timestamptz not null,
    retired_at timestamptz
  )`,
];

export const down: readonly string[] = [
  'signing_key',
  'key_share',
  'key_epoch',
  'device_log',
  'pairing',
  'refresh_token',
  'session',
  'device',
]
  .map((table) => `drop table ${table}`)
  .concat([
    `drop policy fence on workspace`,
    `drop table member`,
    `drop table workspace`,
    `drop table account`,
  ]);
