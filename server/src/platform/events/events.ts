import { sql } from 'kysely';
import type { Clock } from '../clock/index.ts';
import type { Transaction } from '../database/index.ts';
import type { Ids } from '../ids/index.ts';

export interface NewEvent {
  /** `subject.what-happened`, in the past: `workspace.created`. */
  readonly type: string;
  readonly workspaceId: string;
  readonly subject: { readonly type: string; readonly id: string };
  /** Who did it; whoever acts in this scope, unless given. */
  readonly actor?: string;
  /** What a listener needs besides. Leaves this service by webhooks, so never a secret. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** `Scope` is whatever carries the transaction. */
export interface Events<Scope> {
  /**
   * Adds an event. A workspace's events are numbered without gaps in the order in which their transactions commit, so
   * others who add to the same workspace wait until this transaction is over: append last.
   */
  append(scope: Scope, event: NewEvent): Promise<void>;
  /** Drops all events of a workspace that is about to go; the numbering goes on. */
  forget(scope: Scope, workspaceId: string): Promise<void>;
}

export function createEvents<Scope extends { readonly tx: Transaction }>(parts: {
  readonly clock: Clock;
  readonly ids: Ids;
  /** Who acts, as it is to be written down. */
  readonly actorOf: (scope: Scope) => string;
}): Events<Scope> {
  const { clock, ids, actorOf } = parts;
  return {
    async append(scope, { type, workspaceId, subject, actor = actorOf(scope), data = {} }) {
      const seq = await nextSeq(scope.tx, workspaceId);
      await sql`insert into event (id, workspace_id, seq, type, subject_type, subject_id, at, actor, data)
        values (${ids.uuid()}, ${workspaceId}, ${seq}, ${type}, ${subject.type}, ${subject.id},
          ${new Date(clock.now())}, ${actor}, ${JSON.stringify(data)}::text::jsonb)`.execute(scope.tx);
    },

    async forget({ tx }, workspaceId) {
      await sql`delete from event where workspace_id = ${workspaceId}`.execute(tx);
    },
  };
}

/** The row stays locked until the transaction ends: the order of numbers is the order of commits. */
async function nextSeq(tx: Transaction, workspaceId: string): Promise<number> {
  const { rows } = await sql<{
    seq: number;
  }>`insert into event_head (workspace_id, seq) values (${workspaceId}, 1)
    on conflict (workspace_id) do update set seq = event_head.seq + 1 returning seq`.execute(tx);
  const [row] = rows;
  if (row === undefined) throw new Error('an event got no number');
  return row.seq;
}
