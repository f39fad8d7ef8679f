/** What was done in a workspace, written down in the transaction that does it. */
import type { AuditEntry, AuditLogs, AuditVerification } from '@alcove/contract/audit';
import { actorName, type Ctx, inTransaction, type MemberActor, type TxCtx } from '../../context.ts';
import type { Clock } from '../../platform/clock/index.ts';
import type { Ids } from '../../platform/ids/index.ts';
import type { AuditAction } from './actions.ts';
import { type ChainedLink, emptyChain, findBreak, type Head, hashLink } from './chain.ts';
import * as store from './store.ts';

export interface AuditRecord {
  readonly action: AuditAction;
  readonly target: { readonly type: string; readonly id: string };
  /** Where it happened; the workspace that is acted in, unless given. */
  readonly workspaceId?: string;
  /** Who did it; whoever acts in this context, unless given. */
  readonly actor?: string;
  /** What else a reader needs: names of members that changed, counts, roles. Never a secret, nor what a person wrote. */
  readonly detail?: Readonly<Record<string, string | number | boolean | null>>;
}

export interface Query {
  readonly from?: string;
  readonly to?: string;
  readonly actor?: string;
  readonly action?: string;
  readonly target?: string;
  readonly cursor?: string;
  readonly limit?: number;
}

export interface Audit {
  /** Adds an entry to the workspace's chain. Others who add to it wait until this transaction is over: record last. */
  record(ctx: TxCtx, record: AuditRecord): Promise<void>;
  /**
   * Waits for whoever is adding to the workspace's chain, and keeps others from it until this transaction is over. Taken
   * before a workspace is deleted: an entry holds on to its workspace, so otherwise the two could wait for each other.
   */
  close(ctx: TxCtx, workspaceId: string): Promise<void>;
  list(ctx: Ctx<MemberActor>, query: Query): Promise<AuditLogs>;
  /** Reads the whole chain and says whether it is whole. */
  verify(ctx: Ctx<MemberActor>): Promise<AuditVerification>;
}

const pageDefault = 50;
/** Each stretch is a transaction of its own, so that reading a long chain keeps nobody waiting. */
const stretchLength = 1000;

export function createAudit({ clock, ids }: { readonly clock: Clock; readonly ids: Ids }): Audit {
  return {
    async record(ctx, record) {
      const workspaceId = record.workspaceId ?? actingWorkspace(ctx);
      const head = await store.lockHead(ctx, workspaceId);
      const link = {
        id: ids.uuid(),
        workspace_id: workspaceId,
        position: head.position + 1,
        at: new Date(clock.now()),
        actor: record.actor ?? actorName(ctx.actor),
        action: record.action,
        target: `${record.target.type}:${record.target.id}`,
        ip: ctx.origin.ip,
        request_id: ctx.requestId,
        detail: JSON.stringify(record.detail ?? {}),
      };
      await store.insertEntry(ctx, { ...link, previous_hash: head.hash, hash: hashLink(link, head.hash) });
    },

    async close(ctx, workspaceId) {
      await store.lockHead(ctx, workspaceId);
    },

    list: (ctx, { cursor, limit = pageDefault, ...query }) =>
      inTransaction(ctx, async (tx) => {
        const before = cursor === undefined ? undefined : Number(cursor);
        const filter = { ...query, from: dateOf(query.from), to: dateOf(query.to) };
        // One row more than asked for tells whether there is another page.
        const rows = await store.listEntries(tx, tx.actor.workspaceId, filter, { before, limit: limit + 1 });
        const page = rows.slice(0, limit);
        const last = page.at(-1);
        const nextCursor = rows.length > limit && last !== undefined ? String(last.position) : null;
        return { data: page.map(renderEntry), nextCursor };
      }),

    async verify(ctx) {
      const { workspaceId } = ctx.actor;
      const end = await inTransaction(ctx, (tx) => store.findHead(tx, workspaceId));
      let reached: Head = emptyChain;
      for (;;) {
        const stretch = { after: reached.position, upTo: end.position, limit: stretchLength };
        const links = await inTransaction(ctx, (tx) => store.readChain(tx, workspaceId, stretch));
        for (const link of links) {
          const reason = findBreak(reached, link);
          if (reason !== undefined) return broken(reached, { id: link.id, position: link.position, reason });
          reached = link;
        }
        if (links.length < stretchLength) break;
      }
      if (reached.position === end.position && reached.hash.equals(end.hash)) {
        return {
          valid: true,
          entries: reached.position,
          headHash: end.hash.toString('base64url'),
          broken: null,
        };
      }
      return broken(reached, {
        id: null,
        position: reached.position + 1,
        reason: 'The newest entries are missing.',
      });
    },
  };
}

function actingWorkspace({ actor }: TxCtx): string {
  if ('workspaceId' in actor) return actor.workspaceId;
  throw new Error(`an audit entry of ${actor.kind} has to name its workspace`);
}

const dateOf = (time: string | undefined) => (time === undefined ? undefined : new Date(time));

function broken(reached: Head, at: AuditVerification['broken']): AuditVerification {
  return {
    valid: false,
    entries: reached.position,
    headHash: reached.hash.toString('base64url'),
    broken: at,
  };
}

export function renderEntry(row: ChainedLink): AuditEntry {
  return {
    id: row.id,
    at: row.at.toISOString(),
    actor: row.actor,
    action: row.action,
    target: row.target,
    ip: row.ip,
    requestId: row.request_id,
    detail: JSON.parse(row.detail),
    hash: row.hash.toString('base64url'),
    previousHash: row.previous_hash.toString('base64url'),
  };
}
