/**
 * One-time tickets that open a stream in place of an access token: only their hashes. A ticket carries what the token
 * said, and its stream ends when that would have.
 */
import { fence, ofAccount } from './fence.ts';

export const up: readonly string[] = [
  `create table live_ticket (
    hash bytea primary key,
    account_id uuid not null references account on delete cascade,
    session_id uuid not null,
    device_id uuid not null,
    workspace_id uuid not null,
    token_expires_at timestamptz not null,
    expires_at timestamptz not null
  )`,
  `create index live_ticket_account on live_ticket (account_id)`,
  `create index live_ticket_expires on live_ticket (expires_at)`,
  ...fence('live_ticket', ofAccount),
];

export const down: readonly string[] = ['drop table live_ticket'];
