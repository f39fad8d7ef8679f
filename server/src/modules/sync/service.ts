/** One person's vault: which one it is, and what to ask of it. The rule itself runs beside the data, in `vault/`. */
import { type Kind, syncLimits } from '@alcove/contract';
import { type Ctx, type DeviceActor, inTransaction } from '../../context.ts';
import { BoundedMap } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock/index.ts';
import { createVaultName, type VaultPool } from '../../platform/vaults/index.ts';
import { findVault, insertVault, markVaultReady, type VaultRecord } from './store.ts';
import type { VaultHead } from './vault/head.ts';
import type { SyncOperations } from './vault/program.ts';
import type { PullOutput } from './vault/pull.ts';
import type { PushOutput } from './vault/push.ts';

type DeviceCtx = Ctx<DeviceActor>;

export interface SyncService {
  /** Takes the bytes of a push request; they are parsed where the vault is, and are gone for the caller afterwards. */
  push(
    ctx: DeviceCtx,
    request: { body: Uint8Array; idempotencyKey: string | undefined },
  ): Promise<PushOutput>;
  pull(ctx: DeviceCtx, request: PullRequested): Promise<PullOutput>;
  head(ctx: DeviceCtx): Promise<VaultHead>;
}

export interface PullRequested {
  readonly cursor?: string;
  readonly limit?: number;
  /** Comma-separated. */
  readonly kinds?: string;
  readonly acknowledged?: string;
}

export interface SyncParts {
  readonly vaults: VaultPool<SyncOperations>;
  readonly clock: Clock;
  /** Called when something may have been written to an account's vault. */
  readonly onWritten: (accountId: string) => void;
}

const kindsAll: readonly Kind[] = ['entry', 'memory', 'tag'];
/** An account's vault never changes its name, so names are forgotten only to bound the memory. */
const namesKeptMax = 50_000;

export function createSync({ vaults, clock, onWritten }: SyncParts): SyncService {
  const names = new BoundedMap<string, string>(namesKeptMax);

  /** The name of the caller's vault, whose file exists from here on. */
  async function getVaultName(ctx: DeviceCtx): Promise<string> {
    const { accountId } = ctx.actor;
    const known = names.get(accountId);
    if (known !== undefined) return known;
    const { name, state } = await findOrInsertVault(ctx, clock);
    if (state === 'new') {
      // In this order: when the file is lost later, `ready` tells that it held something that was acknowledged.
      await vaults.call(name, 'open', undefined, { create: true });
      await inTransaction(ctx, (tx) => markVaultReady(tx, vaults.newestVersion));
    }
    names.set(accountId, name);
    return name;
  }

  return {
    async push(ctx, { body, idempotencyKey }) {
      const name = await getVaultName(ctx);
      const { accountId, deviceId } = ctx.actor;
      const output = await vaults.call(name, 'push', { body, deviceId, idempotencyKey, nowMs: clock.now() });
      onWritten(accountId);
      return output;
    },

    async head(ctx) {
      return vaults.call(await getVaultName(ctx), 'head', undefined);
    },

    async pull(ctx, { cursor, acknowledged, limit = syncLimits.pullLimitDefault, kinds }) {
      const name = await getVaultName(ctx);
      return vaults.call(name, 'pull', {
        cursor,
        acknowledged,
        limit,
        kinds: kindsAll.filter((kind) => kinds === undefined || kinds.split(',').includes(kind)),
        deviceId: ctx.actor.deviceId,
        nowMs: clock.now(),
      });
    },
  };
}

function findOrInsertVault(ctx: DeviceCtx, clock: Clock): Promise<VaultRecord> {
  return inTransaction(ctx, async (ctx) => {
    const known = await findVault(ctx);
    if (known !== undefined) return known;
    await insertVault(ctx, createVaultName(), new Date(clock.now()));
    const made = await findVault(ctx);
    if (made === undefined) throw new Error('a vault that was just inserted is there');
    return made;
  });
}
