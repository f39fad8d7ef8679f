/**
 * What happened, for whoever listens: written in the transaction in which it happened, numbered for each workspace in the
 * order of commits. Events outlive their workspace, because its end is one of them.
 */
import { fenceLog, fenceLogHead } from './fence-log.ts';

export const up: readonly string[] = [
  `create table event (
    id uuid primary key,
    workspace_id uuid not null,
    seq bigint not null check (seq > 0),
    type text not null,
    subject_type text not null,
    subject_id text not null,
    at timestamptz not null,
    actor text not null,
    data jsonb not null,
    unique (workspace_id, seq)
  )`,
  ...fenceLog('event'),

  `create table event_head (
    workspace_id uuid primary key,
    seq bigint not null
  )`,
  ...fenceLogHead('event_head'),
];

export const down: readonly string[] = [`drop table event_head`, `drop table event`];
