/** The account's epochs: which there are, and each device's wrapped share of them. The keys themselves are never here. */
import type { Keys, MintRequest } from '@alcove/contract/sync';
import { type Ctx, type DeviceActor, inTransaction, type TxCtx } from '../../context.ts';
import type { Clock } from '../../platform/clock/index.ts';
import { type DeviceLog, openDeviceLog } from './device-log.ts';
import * as errors from './errors.ts';
import * as store from './store.ts';
import type { Trail } from './trail.ts';

export interface Keyring {
  /** The calling device's shares and the account's whole device log. */
  read(ctx: Ctx<DeviceActor>): Promise<Keys>;
  /**
   * Adds the next epoch, with a share for every device that the log admits. Minting the same epoch with the same
   * shares again is answered as the first time, so a lost answer costs nothing.
   */
  mint(ctx: Ctx<DeviceActor>, request: MintRequest): Promise<Keys>;
}

export function createKeyring({ clock, trail }: { readonly clock: Clock; readonly trail: Trail }): Keyring {
  return {
    read: (ctx) => inTransaction(ctx, readKeys),
    mint: (ctx, request) =>
      inTransaction(ctx, async (tx) => {
        await store.lockAccount(tx, tx.actor.accountId);
        if (await isMintedAlready(tx, request)) return readKeys(tx);
        const log = await openDeviceLog(tx, tx.actor.accountId);
        await appendEntries(tx, log, request);
        await requireShares(tx, log, request);
        await insertEpoch(tx, request, new Date(clock.now()));
        await trail.record(tx, tx.actor.accountId, {
          action: 'epoch.minted',
          target: { type: 'epoch', id: String(request.epoch) },
          detail: { shares: request.shares.length },
        });
        return readKeys(tx);
      }),
  };
}

async function readKeys(ctx: TxCtx<DeviceActor>): Promise<Keys> {
  const { accountId, deviceId } = ctx.actor;
  const epochs = await store.listEpochs(ctx, accountId);
  return {
    epoch: epochs.at(-1)?.epoch ?? 0,
    shares: await store.listKeyShares(ctx, accountId, deviceId),
    log: (await store.readDeviceLog(ctx, accountId)).map(({ entry }) => entry),
    devices: (await store.listDevicesEvenRevoked(ctx, accountId)).map(
      ({ id, encryption_key, signing_key }) => ({
        id,
        encryptionKey: encryption_key,
        signingKey: signing_key,
      }),
    ),
  };
}

/** True when this very epoch stands already; throws when the number is not the next one. */
async function isMintedAlready(ctx: TxCtx<DeviceActor>, { epoch, shares }: MintRequest): Promise<boolean> {
  const epochs = await store.listEpochs(ctx, ctx.actor.accountId);
  const current = epochs.at(-1);
  if (epoch === (current?.epoch ?? 0) + 1) return false;
  if (current?.epoch === epoch && current.minted_by === ctx.actor.deviceId) {
    const stored = await store.listSharesOfEpoch(ctx, ctx.actor.accountId, epoch);
    if (textOf(stored) === textOf(shares)) return true;
  }
  throw errors.epochConflict({
    detail: `The next epoch is ${(current?.epoch ?? 0) + 1}; ${epoch} came.`,
    extensions: { epoch: current?.epoch ?? 0 },
  });
}

const textOf = (shares: MintRequest['shares']) =>
  shares
    .map(({ deviceId, wrapped }) => `${deviceId} ${wrapped}`)
    .sort()
    .join('\n');

async function appendEntries(ctx: TxCtx<DeviceActor>, log: DeviceLog, request: MintRequest): Promise<void> {
  const { accountId, deviceId } = ctx.actor;
  const writer = await store.findDevice(ctx, accountId, deviceId);
  if (writer === undefined) throw errors.deviceNotFound();
  for (const entry of request.log) {
    const subject = await store.findDeviceEvenRevoked(ctx, accountId, entry.deviceId);
    if (subject === undefined) throw errors.invalidLogEntry('deviceId is not a device of this account.');
    await log.append(entry, writer, subject);
    if (entry.action === 'add') await store.endorseDevice(ctx, subject.id, writer.id);
  }
}

/** Exactly the admitted, unrevoked devices: one that is missing would lose the vault, one too many would keep it. */
async function requireShares(
  ctx: TxCtx<DeviceActor>,
  log: DeviceLog,
  { shares }: MintRequest,
): Promise<void> {
  if (log.entries.length === 0) {
    throw errors.logMissing(
      'The first epoch comes with the genesis entry of the device that mints it, in `log`.',
    );
  }
  const live = new Set((await store.listDevices(ctx, ctx.actor.accountId)).map(({ id }) => id));
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

async function insertEpoch(ctx: TxCtx<DeviceActor>, request: MintRequest, createdAt: Date): Promise<void> {
  const { accountId, deviceId } = ctx.actor;
  const { epoch, recovery, shares } = request;
  await store.insertEpoch(ctx, accountId, {
    epoch,
    minted_by: deviceId,
    recovery: recovery ?? null,
    created_at: createdAt,
  });
  for (const share of shares) await store.insertKeyShare(ctx, accountId, { epoch, ...share });
}
