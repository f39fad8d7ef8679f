/** Keys that act for a workspace. Of a secret only its hash is kept; for a while two secrets may work, so that one can be changed everywhere. */
import { fence, ofWorkspace } from './fence.ts';

export const up: readonly string[] = [
  `create table api_key (
    id uuid primary key,
    workspace_id uuid not null references workspace on delete cascade,
    public_id text not null unique check (public_id ~ '^[0-9A-Za-z]{8}$'),
    name text not null,
    scopes jsonb not null,
    hint text not null,
    secret_version integer not null default 1,
    secret_hash bytea not null,
    previous_hash bytea,
    previous_expires_at timestamptz,
    signing jsonb,
    created_by uuid references account on delete set null,
    created_at timestamptz not null,
    expires_at timestamptz,
    last_used_at timestamptz,
    check ((previous_hash is null) = (previous_expires_at is null))
  )`,
  `create index api_key_workspace on api_key (workspace_id)`,
  `create index api_key_created_by on api_key (created_by)`,
  ...fence('api_key', ofWorkspace),
];

export const down: readonly string[] = ['drop table api_key'];
