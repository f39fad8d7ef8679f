import { sql } from 'kysely';
import type { TxCtx } from '../../context.ts';
import type { ChainedLink } from './chain.ts';

/** What an account did in the workspaces that it belongs to, the oldest first. */
export async function listEntriesOf(
  ctx: TxCtx,
  accountId: string,
  page: { readonly after: string | undefined; readonly limit: number },
): Promise<ChainedLink[]> {
  const { rows } = await sql<ChainedLink>`select * from audit_entry
    where workspace_id in (select workspace_id from member where account_id = ${accountId})
      and actor = ${`account:${accountId}`}
      and (${page.after ?? null}::uuid is null or id > ${page.after ?? null}::uuid)
    order by id limit ${page.limit}`.execute(ctx.tx);
  return rows;
}
