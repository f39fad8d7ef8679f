/** Where an account's own doings are written down. */
import { sql } from 'kysely';
import type { TxCtx } from '../../context.ts';

export async function findPersonalWorkspaceId(ctx: TxCtx, accountId: string): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`select workspace_id as id from member
    where account_id = ${accountId} and personal`.execute(ctx.tx);
  return rows[0]?.id;
}
