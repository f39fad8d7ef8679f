/**
 * Who did what, one chain of entries for each workspace. Entries are added and never changed: a trigger refuses it to
 * everybody, the owner of the database too. They go only when the workspace itself goes.
 */
import { fenceLog, fenceLogHead } from './fence-log.ts';

export const up: readonly string[] = [
  `create table audit_entry (
    id uuid primary key,
    workspace_id uuid not null references workspace on delete cascade,
    position bigint not null check (position > 0),
    at timestamptz not null,
    actor text not null,
    action text not null,
    target text not null,
    ip text not null,
    request_id text not null,
    detail text not null,
    previous_hash bytea not null,
    hash bytea not null,
    unique (workspace_id, position)
  )`,
  ...fenceLog('audit_entry'),

  `create table audit_head (
    workspace_id uuid primary key references workspace on delete cascade,
    position bigint not null,
    hash bytea not null
  )`,
  ...fenceLogHead('audit_head'),

  `create function refuse_audit_change() returns trigger language plpgsql as $$
  begin
    if tg_op = 'DELETE' and not exists (select from workspace where id = old.workspace_id) then
      return old;
    end if;
    raise exception 'entries of the audit log are never changed' using errcode = 'insufficient_privilege';
  end $$`,
  `create trigger audit_entry_unchanged before update or delete on audit_entry
    for each row execute function refuse_audit_change()`,
  `create trigger audit_entry_not_truncated before truncate on audit_entry
    for each statement execute function refuse_audit_change()`,
];

export const down: readonly string[] = [
  `drop table audit_head`,
  `drop table audit_entry`,
  `drop function refuse_audit_change`,
];
