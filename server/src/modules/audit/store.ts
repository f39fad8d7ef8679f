/** Every SQL statement of this module. */
import { sql } from 'kysely';
import type { TxCtx } from '../../context.ts';
import { type ChainedLink, emptyChain, type Head } from './chain.ts';

export interface Filter {
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
  /** The whole name, such as `account:…`, or the id in it. */
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly target?: string | undefined;
}

/** The end of the chain, which nobody else can lengthen until this transaction is over. */
export async function lockHead(ctx: TxCtx, workspaceId: string): Promise<Head> {
  const { rows } = await sql<Head>`
    insert into audit_head (workspace_id, position, hash) values (${workspaceId}, 0, ${emptyChain.hash})
    on conflict (workspace_id) do update set position = audit_head.position
    returning position, hash`.execute(ctx.tx);
  return rows[0] ?? emptyChain;
}

export async function insertEntry(ctx: TxCtx, row: ChainedLink): Promise<void> {
  await sql`
    with entry as (
      insert into audit_entry (id, workspace_id, position, at, actor, action, target, ip, request_id, detail,
        previous_hash, hash)
      values (${row.id}, ${row.workspace_id}, ${row.position}, ${row.at}, ${row.actor}, ${row.action},
        ${row.target}, ${row.ip}, ${row.request_id}, ${row.detail}, ${row.previous_hash}, ${row.hash}))
    update audit_head set position = ${row.position}, hash = ${row.hash}
      where workspace_id = ${row.workspace_id}`.execute(ctx.tx);
}

export async function findHead(ctx: TxCtx, workspaceId: string): Promise<Head> {
  const { rows } = await sql<Head>`select position, hash from audit_head
    where workspace_id = ${workspaceId}`.execute(ctx.tx);
  return rows[0] ?? emptyChain;
}

/** The newest first. */
export async function listEntries(
  ctx: TxCtx,
  workspaceId: string,
  filter: Filter,
  page: { readonly before: number | undefined; readonly limit: number },
): Promise<ChainedLink[]> {
  const given = (value: Date | string | number | undefined) => value ?? null;
  const { rows } = await sql<ChainedLink>`
    select * from audit_entry where workspace_id = ${workspaceId}
      and (${given(page.before)}::bigint is null or position < ${given(page.before)}::bigint)
      and (${given(filter.from)}::timestamptz is null or at >= ${given(filter.from)}::timestamptz)
      and (${given(filter.to)}::timestamptz is null or at < ${given(filter.to)}::timestamptz)
      and (${given(filter.action)}::text is null or action = ${given(filter.action)}::text)
      and (${given(filter.actor)}::text is null
        or ${given(filter.actor)}::text in (actor, split_part(actor, ':', 2)))
      and (${given(filter.target)}::text is null
        or ${given(filter.target)}::text in (target, split_part(target, ':', 2)))
    order by position desc limit ${page.limit}`.execute(ctx.tx);
  return rows;
}

/** A stretch of the chain in its order. */
export async function readChain(
  ctx: TxCtx,
  workspaceId: string,
  stretch: { readonly after: number; readonly upTo: number; readonly limit: number },
): Promise<ChainedLink[]> {
  const { rows } = await sql<ChainedLink>`select * from audit_entry
    where workspace_id = ${workspaceId} and position > ${stretch.after} and position <= ${stretch.upTo}
    order by position limit ${stretch.limit}`.execute(ctx.tx);
  return rows;
}
