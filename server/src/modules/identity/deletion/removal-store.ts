/** The statements behind what is still to be removed. */
import { sql } from 'kysely';
import type { TxCtx } from '../../../context.ts';

export interface RemovalRow {
  readonly kind: string;
  readonly name: string;
  readonly attempts: number;
}

/** What waits for a later time already is due at the earlier one. */
export async function insertRemoval(
  ctx: TxCtx,
  row: { readonly kind: string; readonly name: string; readonly at: Date },
): Promise<void> {
  await sql`insert into removal (kind, name, next_at) values (${row.kind}, ${row.name}, ${row.at})
    on conflict (kind, name) do update set next_at = least(removal.next_at, excluded.next_at)`.execute(
    ctx.tx,
  );
}

export async function hasRemoval(
  ctx: TxCtx,
  { kind, name }: Pick<RemovalRow, 'kind' | 'name'>,
): Promise<boolean> {
  const { rows } = await sql`select 1 from removal where kind = ${kind} and name = ${name}`.execute(ctx.tx);
  return rows.length > 0;
}

export async function listDueRemovals(ctx: TxCtx, now: Date, limit: number): Promise<RemovalRow[]> {
  const { rows } = await sql<RemovalRow>`select kind, name, attempts from removal
    where next_at <= ${now} order by next_at limit ${limit}`.execute(ctx.tx);
  return rows;
}

export async function deleteRemoval(
  ctx: TxCtx,
  { kind, name }: Pick<RemovalRow, 'kind' | 'name'>,
): Promise<void> {
  await sql`delete from removal where kind = ${kind} and name = ${name}`.execute(ctx.tx);
}

export async function postponeRemoval(
  ctx: TxCtx,
  { kind, name }: Pick<RemovalRow, 'kind' | 'name'>,
  nextAt: Date,
): Promise<void> {
  await sql`update removal set attempts = attempts + 1, next_at = ${nextAt}
    where kind = ${kind} and name = ${name}`.execute(ctx.tx);
}
