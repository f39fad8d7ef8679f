import type { Kind } from '@alcove/contract';
import { type AccountActor, type Ctx, inTransaction } from '../../context.ts';
import type { Clock } from '../../platform/clock/index.ts';
import type { VaultPool } from '../../platform/vaults/index.ts';
import { findVault } from './store.ts';
import type { SyncOperations } from './vault/program.ts';

const kindsAll: readonly Kind[] = ['entry', 'memory', 'tag'];
/** A page is taken apart on the main loop, so it is kept short. */
const pageLength = 50;

/** A file of the owner's archive, read while it is sent. */
export interface VaultFile {
  readonly name: string;
  readonly about: string;
  /** Ciphertext does not get any smaller. */
  readonly isCompressible: boolean;
  readonly read: (ctx: Ctx<AccountActor>) => AsyncIterable<unknown>;
}

export function vaultFiles(vaults: VaultPool<SyncOperations>, clock: Clock): VaultFile[] {
  return [
    {
      name: 'vault.jsonl',
      about: 'your vault, one item a line, encrypted as the service has it: your devices hold the keys',
      isCompressible: false,
      read: (ctx) => exportItems(ctx, vaults, clock.now()),
    },
    {
      name: 'embeddings.jsonl',
      about: 'what models made of your entries for searching, encrypted like them',
      isCompressible: false,
      read: (ctx) => exportExtras(ctx, vaults, 'embeddings'),
    },
    {
      name: 'usage.jsonl',
      about: 'which models you called, with counts and costs, and nothing of what was said',
      isCompressible: true,
      read: (ctx) => exportExtras(ctx, vaults, 'usage'),
    },
  ];
}

interface Page {
  readonly changes: readonly unknown[];
  readonly cursor: string;
  readonly hasMore: boolean;
}

/**
 * The caller's vault, item by item, read while it is sent, as a device would that comes for the first time. What is
 * written meanwhile may come twice, in its old and its new version, and is never left out.
 */
async function* exportItems(
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

async function* exportExtras(
  ctx: Ctx<AccountActor>,
  vaults: VaultPool<SyncOperations>,
  operation: 'embeddings' | 'usage',
): AsyncGenerator<unknown> {
  const vault = await inTransaction(ctx, findVault);
  if (vault?.state !== 'ready') return;
  let after: readonly string[] | undefined;
  do {
    const { rows, next } = await vaults.call(vault.name, operation, { after, limit: pageLength });
    yield* rows;
    after = next;
  } while (after !== undefined);
}
