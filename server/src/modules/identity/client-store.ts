import { sql } from 'kysely';
import type { TxCtx } from '../../context.ts';

export async function findWorkspace(
  ctx: TxCtx,
  id: string,
): Promise<{ readonly id: string; readonly name: string } | undefined> {
  const { rows } = await sql<{
    id: string;
    name: string;
  }>`select id, name from workspace where id = ${id}`.execute(ctx.tx);
  return rows[0];
}
