import type { AuditEntry } from '@alcove/contract/audit';
import { type AccountActor, asSystem, type Ctx } from '../../context.ts';
import { listEntriesOf } from './own-store.ts';
import { renderEntry } from './service.ts';

const pageLength = 500;

/** What the caller did, wherever it belongs to: an account may know that of itself, whatever its role is. */
export async function* readOwnEntries(
  ctx: Ctx<AccountActor>,
): AsyncGenerator<AuditEntry & { readonly workspaceId: string }> {
  let after: string | undefined;
  for (;;) {
    const page = { after, limit: pageLength };
    const rows = await asSystem(ctx, (tx) => listEntriesOf(tx, ctx.actor.accountId, page));
    for (const row of rows) yield { ...renderEntry(row), workspaceId: row.workspace_id };
    after = rows.at(-1)?.id;
    if (rows.length < pageLength) return;
  }
}
