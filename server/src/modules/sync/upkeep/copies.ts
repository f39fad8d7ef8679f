/** Copies of vaults, and putting them back, at the operator's word. */
import { isAbsolute, join } from 'node:path';
import type { VaultBackup, VaultRestored, VaultRestoreRequest } from '@alcove/contract/vaults';
import { asSystem, type Ctx, type TxCtx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import { createVaultName, type VaultHome, type VaultPool } from '../../../platform/vaults/index.ts';
import type { SyncOperations } from '../vault/program.ts';
import { accountUnknown, oneVaultOnly, pathNotAbsolute, vaultUnknown } from './errors.ts';
import * as store from './upkeep-store.ts';

export interface Copies {
  /** Writes `<vault>.db` into the folder, in place of an older one. */
  backUp(ctx: Ctx, request: { readonly vault: string; readonly directory: string }): Promise<VaultBackup>;
  /** Puts a copy in the place of a vault, or of an account's that has none. Its devices then begin again. */
  restore(ctx: Ctx, request: VaultRestoreRequest): Promise<VaultRestored>;
  /** Makes up for a file that was put back by hand: what is there now begins another history, and devices bring the rest. */
  branch(ctx: Ctx, request: { readonly vault: string }): Promise<VaultRestored>;
}

export interface CopiesParts {
  readonly vaults: Pick<
    VaultPool<SyncOperations>,
    'backUp' | 'restore' | 'visit' | 'remove' | 'newestVersion'
  >;
  /** Where the vaults of new accounts lie. */
  readonly home: VaultHome;
  readonly clock: Clock;
  /** Writes it into the account's own trail, and tells its devices. */
  readonly onRestored: (ctx: TxCtx, accountId: string) => Promise<void>;
}

export function createCopies({ vaults, home, clock, onRestored }: CopiesParts): Copies {
  async function findOwned(ctx: Ctx, { vault, account }: VaultRestoreRequest): Promise<store.Owned> {
    if ((vault === undefined) === (account === undefined)) throw oneVaultOnly();
    const made = { name: createVaultName(), home, at: new Date(clock.now()) };
    return asSystem(ctx, async (tx) => {
      if (vault !== undefined) return found(await store.findByName(tx, vault), vaultUnknown);
      return found(await store.findOrInsertOf(tx, account ?? '', made), accountUnknown);
    });
  }

  return {
    async backUp(ctx, { vault, directory }) {
      requireAbsolute(directory);
      found(await asSystem(ctx, (tx) => store.findByName(tx, vault)), vaultUnknown);
      const file = join(directory, `${vault}.db`);
      return { file, ...(await vaults.backUp(vault, file)) };
    },

    async restore(ctx, request) {
      requireAbsolute(request.file);
      const { name, accountId } = await findOwned(ctx, request);
      await vaults.restore(name, request.file, 'restored', { nowMs: clock.now() });
      const isKept = await asSystem(ctx, async (tx) => {
        const isOwned = await store.noteRestored(tx, name, vaults.newestVersion);
        if (isOwned) await onRestored(tx, accountId);
        return isOwned;
      });
      if (!isKept) {
        // The account was deleted meanwhile, and its vault with it: the copy must not stay.
        await vaults.remove(name);
        throw vaultUnknown();
      }
      ctx.log.warn({ vault: name }, 'a vault was restored from a copy');
      return { vault: name };
    },

    async branch(ctx, { vault }) {
      const { accountId } = found(await asSystem(ctx, (tx) => store.findByName(tx, vault)), vaultUnknown);
      await vaults.visit(vault, 'branched', { nowMs: clock.now() });
      await asSystem(ctx, (tx) => onRestored(tx, accountId));
      ctx.log.warn({ vault }, 'a vault that was put back by hand begins another history');
      return { vault };
    },
  };
}

function found<T>(value: T | undefined, missing: () => Error): T {
  if (value === undefined) throw missing();
  return value;
}

function requireAbsolute(path: string): void {
  if (!isAbsolute(path)) throw pathNotAbsolute(`This one is not: ${path}`);
}
