import type { Kind } from '@alcove/contract';
import { type AccountActor, type Ctx, inTransaction } from '../../context.ts';
import type { VaultPool } from '../../platform/vaults/index.ts';
import { findVault } from './store.ts';
import type { SyncOperations } from './vault/program.ts';

const kindsAll: readonly Kind[] = ['entry', 'memory', 'tag'];
/** A page is taken apart on the main loop, so it is kept short. */
const pageLength = 50;

interface Page {
  readonly changes: readonly unknown[];
  readonly cursor: string;
  readonly hasMore: boolean;
}

/**
 * The caller's vault, item by item, read while it is sent, as a device would that comes for the first time. What is
 * written meanwhile may come twice, in its old and its new version, and is never left out.
 */
export async function* exportVault(
  ctx: Ctx<AccountActor>,
  vaults: VaultPool<SyncOperations>,
  nowMs: number,
): AsyncGenerator<unknown> {
  const vault = await inTransaction(ctx, findVault);
  if (vault?.state !== 'ready') return;
  const input = { acknowledged: undefined, kinds: kindsAll, limit: pageLength, deviceId: '', nowMs };
  let cursor: string | undefined;
  for (;;) {
    const { json } = await vaults.call(vault.name, 'pull', { ...input, cursor });
    const page: Page = JSON.parse(Buffer.from(json).toString('utf8'));
    yield* page.changes;
    if (!page.hasMore) return;
    cursor = page.cursor;
  }
}
