/**
 * Who is invited into a workspace, and how much fits into it. Members of a workspace see each other's accounts, and an
 * account can no longer make itself a member from outside: it is let in by a member, or by an invitation.
 */
import { fence, ofAccount, ofWorkspace } from './fence.ts';

export const up: readonly string[] = [
  `create unique index member_personal on member (account_id) where personal`,
  `alter policy fence on member using (${ofWorkspace} or ${ofAccount}) with check (${ofWorkspace})`,
  `create policy colleagues on account for select to alcove_app
    using (id in (select account_id from member where ${ofWorkspace}))`,

  `create table invitation (
    id uuid primary key,
    workspace_id uuid not null references workspace on delete cascade,
    email text not null,
    role text not null check (role in ('owner', 'admin', 'member', 'viewer')),
    token_hash bytea not null unique,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    accepted_at timestamptz,
    accepted_by uuid references account on delete cascade
  )`,
  `create unique index invitation_open on invitation (workspace_id, email) where accepted_at is null`,
  `create index invitation_expires on invitation (expires_at)`,
  `create index invitation_accepted_by on invitation (accepted_by)`,
  ...fence('invitation', ofWorkspace),

  `create table workspace_quota (
    workspace_id uuid primary key references workspace on delete cascade,
    members_max integer check (members_max >= 0),
    invitations_max integer check (invitations_max >= 0),
    storage_bytes_max bigint check (storage_bytes_max >= 0),
    storage_bytes_used bigint not null default 0 check (storage_bytes_used >= 0)
  )`,
  ...fence('workspace_quota', ofWorkspace),
];

export const down: readonly string[] = [
  `drop table workspace_quota`,
  `drop table invitation`,
  `drop policy colleagues on account`,
  `alter policy fence on member using (${ofWorkspace} or ${ofAccount}) with check (${ofWorkspace} or ${ofAccount})`,
  `drop index member_personal`,
];
