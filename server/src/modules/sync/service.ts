/** One person's vault: which one it is, and what to ask of it. The rule itself runs beside the data, in `vault/`. */
import {
  type ConflictsQuery,
  type Kind,
  type SyncPolicy,
  type SyncStatus,
  syncLimits,
} from '@alcove/contract';
import { type Ctx, type DeviceActor, inTransaction } from '../../context.ts';
import { BoundedMap } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock/index.ts';
import { Failure } from '../../platform/errors/index.ts';
import {
  createVaultName,
  type VaultHome,
  type VaultPool,
  vaultDiskFull,
} from '../../platform/vaults/index.ts';
import type { Devices, Epochs, Trail } from '../identity/index.ts';
import { createCallLimit } from './call-limit.ts';
import { findVault, insertVault, markVaultReady, type VaultRecord } from './store.ts';
import { noteTidied } from './upkeep/upkeep-store.ts';
import type { VaultLimits } from './vault/admission.ts';
import type { PushOutput } from './vault/answers.ts';
import type { VaultHead } from './vault/head.ts';
import type { SyncOperations } from './vault/program.ts';
import { silentAfterMs } from './vault/silence.ts';

type DeviceCtx = Ctx<DeviceActor>;

/** A request whose bytes are parsed where the vault is, and are gone for the caller afterwards. */
export interface RawRequest {
  readonly body: Uint8Array;
  readonly idempotencyKey: string | undefined;
}

export interface SyncService {
  push(ctx: DeviceCtx, request: RawRequest): Promise<PushOutput>;
  /** Answers JSON, as do the others that show what is in the vault. */
  pull(ctx: DeviceCtx, request: PullRequested): Promise<Uint8Array>;
  listConflicts(ctx: DeviceCtx, query: ConflictsQuery): Promise<Uint8Array>;
  resolveConflict(ctx: DeviceCtx, id: string, request: RawRequest): Promise<PushOutput>;
  setPolicy(ctx: DeviceCtx, policy: SyncPolicy): Promise<SyncPolicy>;
  readStatus(ctx: DeviceCtx): Promise<SyncStatus>;
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
  /** Where new vaults are made. */
  readonly home: VaultHome;
  readonly clock: Clock;
  /** Called when something may have been written to an account's vault. */
  readonly onWritten: (accountId: string) => void;
  readonly devices: Pick<Devices, 'listHeardSince'>;
  readonly epochs: Pick<Epochs, 'standing'>;
  readonly trail: Pick<Trail, 'record'>;
  readonly limits: SyncSettings;
}

export interface SyncSettings {
  /** How much one vault may hold. */
  readonly vault: VaultLimits;
  /** How many calls of one account may wait for its vault. */
  readonly callsMax: number;
}

const kindsAll: readonly Kind[] = ['entry', 'memory', 'tag'];
const conflictsDefault = 50;
/** An account's vault never changes its name, so names are forgotten only to bound the memory. */
const namesKeptMax = 50_000;

export function createSync(parts: SyncParts): SyncService {
  const { vaults, home, clock, devices, epochs, trail, limits, onWritten } = parts;
  const names = new BoundedMap<string, string>(namesKeptMax);
  const callLimit = createCallLimit(limits.callsMax);

  /** The name of the caller's vault, whose file exists from here on. */
  async function getVaultName(ctx: DeviceCtx): Promise<string> {
    const { accountId } = ctx.actor;
    const known = names.get(accountId);
    if (known !== undefined) return known;
    const { name, state } = await findOrInsertVault(ctx, home, clock);
    if (state === 'new') {
      // In this order: when the file is lost later, `ready` tells that it held something that was acknowledged.
      await vaults.call(name, 'open', undefined, { create: true });
      await inTransaction(ctx, (tx) => markVaultReady(tx, vaults.newestVersion));
    }
    names.set(accountId, name);
    return name;
  }

  /** Lends the name of the caller's vault to one of the few calls that an account may have under way. */
  function withVault<T>(ctx: DeviceCtx, work: (name: string) => Promise<T>): Promise<T> {
    return callLimit.within(ctx.actor.accountId, async () => work(await getVaultName(ctx)));
  }

  async function toInput(ctx: DeviceCtx, { body, idempotencyKey }: RawRequest) {
    const { deviceId } = ctx.actor;
    const standing = await epochs.standing(ctx);
    return { body, idempotencyKey, deviceId, nowMs: clock.now(), epochs: standing, limits: limits.vault };
  }

  function listHeard(ctx: DeviceCtx): Promise<readonly string[]> {
    const since = new Date(clock.now() - silentAfterMs);
    return inTransaction(ctx, (tx) => devices.listHeardSince(tx, tx.actor.accountId, since));
  }

  /** The pull that set this off has its answer already; whatever is left here is found again the next time. */
  async function tidy(ctx: DeviceCtx, name: string): Promise<void> {
    try {
      const nowMs = clock.now();
      const { nextAtMs } = await vaults.call(name, 'tidy', { awaited: await listHeard(ctx), nowMs });
      const tidied = { at: new Date(nowMs), nextAt: new Date(nextAtMs) };
      await inTransaction(ctx, (tx) => noteTidied(tx, name, tidied));
    } catch (err) {
      ctx.log.warn({ err }, 'a vault could not be tidied');
    }
  }

  return {
    push: (ctx, request) =>
      withVault(ctx, async (name) => {
        const output = await vaults.call(name, 'push', await toInput(ctx, request));
        onWritten(ctx.actor.accountId);
        return output;
      }),

    head: async (ctx) => vaults.call(await getVaultName(ctx), 'head', undefined),

    pull: (ctx, { cursor, acknowledged, limit = syncLimits.pullLimitDefault, kinds }) =>
      withVault(ctx, async (name) => {
        const reading = {
          cursor,
          limit,
          kinds: kindsAll.filter((kind) => kinds === undefined || kinds.split(',').includes(kind)),
          deviceId: ctx.actor.deviceId,
          nowMs: clock.now(),
        };
        const { json, isTidyDue } = await vaults
          .call(name, 'pull', { ...reading, acknowledged })
          .catch((error: unknown) => {
            if (!isDiskFull(error)) throw error;
            // What the device has stored it says again with its next pull; to read, it needs no room.
            return vaults.call(name, 'pull', { ...reading, acknowledged: undefined });
          });
        if (isTidyDue) await tidy(ctx, name);
        return json;
      }),

    listConflicts: (ctx, { state = 'open', limit = conflictsDefault, cursor }) =>
      withVault(ctx, (name) => vaults.call(name, 'conflicts', { state, limit, cursor })),

    resolveConflict: (ctx, conflictId, request) =>
      withVault(ctx, async (name) => {
        const input = { ...(await toInput(ctx, request)), conflictId };
        const output = await vaults.call(name, 'resolve', input);
        onWritten(ctx.actor.accountId);
        return output;
      }),

    setPolicy: (ctx, policy) =>
      withVault(ctx, async (name) => {
        let { isSettled } = await vaults.call(name, 'setPolicy', { ...policy, nowMs: clock.now() });
        // The policy is in force from here on, however long it takes to settle what was open before.
        await inTransaction(ctx, (tx) =>
          trail.record(tx, tx.actor.accountId, {
            action: 'vault.policy_set',
            target: { type: 'account', id: tx.actor.accountId },
            detail: policy,
          }),
        );
        // One call at a time, so that the vault serves others in between. What is cut off goes on when it is tidied.
        while (!isSettled) ({ isSettled } = await vaults.call(name, 'settle', { nowMs: clock.now() }));
        onWritten(ctx.actor.accountId);
        return policy;
      }),

    readStatus: (ctx) =>
      withVault(ctx, async (name) => {
        const { devices: known, ...status } = await vaults.call(name, 'status', undefined);
        const acknowledged = new Map(known.map(({ id, acknowledgedSeq }) => [id, acknowledgedSeq]));
        const heard = await listHeard(ctx);
        return {
          ...status,
          quotaItems: limits.vault.items,
          quotaBytes: limits.vault.bytes,
          devices: heard.map((id) => ({ id, acknowledgedSeq: acknowledged.get(id) ?? 0 })),
        };
      }),
  };
}

const isDiskFull = (error: unknown): boolean =>
  error instanceof Failure && error.code === vaultDiskFull().code;

function findOrInsertVault(ctx: DeviceCtx, home: VaultHome, clock: Clock): Promise<VaultRecord> {
  return inTransaction(ctx, async (ctx) => {
    const known = await findVault(ctx);
    if (known !== undefined) return known;
    await insertVault(ctx, { name: createVaultName(), home, createdAt: new Date(clock.now()) });
    const made = await findVault(ctx);
    if (made === undefined) throw new Error('a vault that was just inserted is there');
    return made;
  });
}
