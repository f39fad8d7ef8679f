/** The account's epochs: which there are, who gets a share of the next one, and from when on none older is written with. */
import type { MintRequest } from '@alcove/contract/sync';
import { type AccountActor, type Ctx, type DeviceActor, inTransaction, type TxCtx } from '../../context.ts';
import type { Clock } from '../../platform/clock/index.ts';
import { createHintedCache, type Fanout } from '../../platform/fanout/index.ts';
import type { DeviceLog } from './device-log.ts';
import * as errors from './errors.ts';
import * as store from './store.ts';

/** What a write is checked against. */
export interface EpochStanding {
  /** 0 before the first was minted. */
  readonly epochCurrent: number;
  /** The oldest that may still be written with: devices may not have heard at once of what was minted after it. */
  readonly epochOldest: number;
}

export interface Epochs {
  /** The epochs of the account that acts. On every node an older epoch is refused once the grace is over. */
  standing(ctx: Ctx<AccountActor>): Promise<EpochStanding>;
  /** Adds the next epoch, for every member that the log admits, in a transaction that has locked the account. */
  add(ctx: TxCtx<DeviceActor>, log: DeviceLog, epoch: NewEpoch): Promise<void>;
}

export type NewEpoch = Pick<MintRequest, 'epoch' | 'shares' | 'recovery'>;

const rememberedMax = 50_000;

export function createEpochs(parts: {
  readonly clock: Clock;
  readonly fanout: Fanout;
  readonly graceMs: number;
}): Epochs {
  const { clock, fanout, graceMs } = parts;
  // What was true less than a grace ago is true enough: whatever was minted since is still within its own grace.
  const terms = createHintedCache<readonly EpochTerm[]>({
    fanout,
    topic: 'epoch',
    sizeMax: rememberedMax,
    believedMsMax: graceMs,
  });

  return {
    async standing(ctx) {
      const { accountId } = ctx.actor;
      const known = await terms.get(accountId, async () => {
        const epochs = await inTransaction(ctx, (tx) => store.listEpochs(tx, accountId));
        return termsOf(epochs, graceMs).filter(({ retiresAtMs }) => retiresAtMs > clock.now());
      });
      return standingAt(known ?? [], clock.now());
    },

    async add(ctx, log, epoch) {
      const { accountId, deviceId } = ctx.actor;
      await requireShares(ctx, log, epoch);
      await store.insertEpoch(ctx, accountId, {
        epoch: epoch.epoch,
        minted_by: deviceId,
        recovery: epoch.recovery ?? null,
        created_at: new Date(clock.now()),
      });
      for (const share of epoch.shares)
        await store.insertKeyShare(ctx, accountId, { epoch: epoch.epoch, ...share });
      await terms.forget(ctx, [accountId]);
    },
  };
}

/** Throws when the number is not the next one. */
export async function requireNextEpoch(ctx: TxCtx<DeviceActor>, epoch: number): Promise<void> {
  const current = (await store.listEpochs(ctx, ctx.actor.accountId)).at(-1)?.epoch ?? 0;
  if (epoch === current + 1) return;
  throw errors.epochConflict({
    detail: `The next epoch is ${current + 1}; ${epoch} came.`,
    extensions: { epoch: current },
  });
}

/** An epoch, and when it is over: a grace after the next one was minted. */
interface EpochTerm {
  readonly epoch: number;
  readonly retiresAtMs: number;
}

function termsOf(epochs: readonly store.EpochRow[], graceMs: number): EpochTerm[] {
  return epochs.map(({ epoch }, at) => {
    const next = epochs[at + 1];
    return { epoch, retiresAtMs: next === undefined ? Infinity : next.created_at.getTime() + graceMs };
  });
}

function standingAt(terms: readonly EpochTerm[], nowMs: number): EpochStanding {
  const oldest = terms.find(({ retiresAtMs }) => retiresAtMs > nowMs);
  return { epochCurrent: terms.at(-1)?.epoch ?? 0, epochOldest: oldest?.epoch ?? 0 };
}

/** Exactly the admitted, unrevoked members: one that is missing would lose the vault, one too many would keep it. */
async function requireShares(
  ctx: TxCtx<DeviceActor>,
  log: DeviceLog,
  { shares }: Pick<NewEpoch, 'shares'>,
): Promise<void> {
  if (log.entries.length === 0) {
    throw errors.logMissing(
      'The first epoch comes with the genesis entry of the device that mints it, in `log`.',
    );
  }
  const live = new Set(await store.listMemberIds(ctx, ctx.actor.accountId));
  const expected = [...log.admitted()].filter((id) => live.has(id)).sort();
  const given = shares.map(({ deviceId }) => deviceId).sort();
  if (!expected.includes(ctx.actor.deviceId))
    throw errors.invalidLogEntry('The calling device is not admitted by the log.');
  if (expected.join() === given.join()) return;
  throw errors.incompleteShares({
    detail: `shares must hold exactly one share for each of ${expected.length} devices; ${given.length} came.`,
    extensions: { devices: expected },
  });
}
