/** Every SQL statement of this module. Absence is `undefined`; what an absence means is the service's business. */
import { sql } from 'kysely';
import type { Role, TxCtx } from '../../context.ts';

export async function findRole(
  ctx: TxCtx,
  workspaceId: string,
  accountId: string,
): Promise<Role | undefined> {
  const { rows } = await sql<{ role: Role }>`select role from member
    where workspace_id = ${workspaceId} and account_id = ${accountId}`.execute(ctx.tx);
  return rows[0]?.role;
}
