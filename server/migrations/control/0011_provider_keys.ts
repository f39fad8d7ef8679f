/** A workspace's keys for outside services. Each is encrypted for its workspace and its row, and opens nowhere else. */
import { fence, ofWorkspace } from './fence.ts';

export const up: readonly string[] = [
  `create table provider_key (
    id uuid primary key,
    workspace_id uuid not null references workspace on delete cascade,
    kind text not null check (kind in ('llm', 'tts')),
    provider text not null,
    key_sealed bytea not null,
    hint text not null,
    settings jsonb not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (workspace_id, kind, provider)
  )`,
  ...fence('provider_key', ofWorkspace),
];

export const down: readonly string[] = ['drop table provider_key'];
