/** The keys as a device sees them, and how it mints the next one. The keys themselves are never here, only wrapped shares. */
import type { Keys, MintRequest } from '@alcove/contract/sync';
import { type Ctx, type DeviceActor, inTransaction, type TxCtx } from '../../context.ts';
import { type DeviceLog, openDeviceLog } from './device-log.ts';
import { type Epochs, requireNextEpoch } from './epochs.ts';
import * as errors from './errors.ts';
import type { RemoveRecovery } from './recovery/remove.ts';
import * as store from './store.ts';
import type { Trail } from './trail.ts';

export interface Keyring {
  /** The calling device's shares and the account's whole device log. */
  read(ctx: Ctx<DeviceActor>): Promise<Keys>;
  /**
   * Adds the next epoch, with a share for every member that the log admits. Minting the same epoch with the same
   * shares again is answered as the first time, so a lost answer costs nothing.
   */
  mint(ctx: Ctx<DeviceActor>, request: MintRequest): Promise<Keys>;
}

interface KeyringParts {
  readonly trail: Trail;
  readonly epochs: Epochs;
  readonly removeRecovery: RemoveRecovery;
}

export function createKeyring(parts: KeyringParts): Keyring {
  return {
    read: (ctx) => inTransaction(ctx, readKeys),
    mint: (ctx, request) =>
      inTransaction(ctx, async (tx) => {
        await store.lockAccount(tx, tx.actor.accountId);
        if (await isMintedAlready(tx, request)) return readKeys(tx);
        await requireNextEpoch(tx, request.epoch);
        const log = await openDeviceLog(tx, tx.actor.accountId);
        const removed = await appendEntries(tx, parts, log, request);
        await parts.epochs.add(tx, log, request);
        await parts.trail.record(tx, tx.actor.accountId, {
          action: 'epoch.minted',
          target: { type: 'epoch', id: String(request.epoch) },
          detail: { shares: request.shares.length },
        });
        if (removed !== undefined) {
          const target = { type: 'device', id: removed };
          await parts.trail.record(tx, tx.actor.accountId, { action: 'recovery.removed', target });
        }
        return readKeys(tx);
      }),
  };
}

async function readKeys(ctx: TxCtx<DeviceActor>): Promise<Keys> {
  const { accountId, deviceId } = ctx.actor;
  const epochs = await store.listEpochs(ctx, accountId);
  const recoveryId = await findRecoveryOfSession(ctx);
  const recoveryShares =
    recoveryId === undefined ? undefined : await store.listKeyShares(ctx, accountId, recoveryId);
  return {
    epoch: epochs.at(-1)?.epoch ?? 0,
    shares: await store.listKeyShares(ctx, accountId, deviceId),
    ...(recoveryShares === undefined ? {} : { recoveryShares }),
    log: (await store.readDeviceLog(ctx, accountId)).map(({ entry }) => entry),
    devices: (await store.listMembersEvenRevoked(ctx, accountId)).map((row) => ({
      id: row.id,
      encryptionKey: row.encryption_key,
      signingKey: row.signing_key,
      kind: row.kind,
      revoked: row.revoked_at !== null,
    })),
  };
}

/** Whether this very epoch stands already, minted by this device with these shares. */
async function isMintedAlready(ctx: TxCtx<DeviceActor>, { epoch, shares }: MintRequest): Promise<boolean> {
  const current = (await store.listEpochs(ctx, ctx.actor.accountId)).at(-1);
  if (current?.epoch !== epoch || current.minted_by !== ctx.actor.deviceId) return false;
  return textOf(await store.listSharesOfEpoch(ctx, ctx.actor.accountId, epoch)) === textOf(shares);
}

const textOf = (shares: MintRequest['shares']) =>
  shares
    .map(({ deviceId, wrapped }) => `${deviceId} ${wrapped}`)
    .sort()
    .join('\n');

/** Answers the id of the recovery key, where an entry takes it out. */
async function appendEntries(
  ctx: TxCtx<DeviceActor>,
  { removeRecovery }: KeyringParts,
  log: DeviceLog,
  request: MintRequest,
): Promise<string | undefined> {
  const { accountId, deviceId } = ctx.actor;
  const device = await store.findDevice(ctx, accountId, deviceId);
  if (device === undefined) throw errors.deviceNotFound();
  const recovery = await findRecoveryWriter(ctx);
  let removed: string | undefined;
  for (const entry of request.log) {
    const writer = entry.by === recovery?.id ? recovery : device;
    const subject = await store.findMemberEvenRevoked(ctx, accountId, entry.deviceId);
    if (subject === undefined) throw errors.invalidLogEntry('deviceId is not a device of this account.');
    await log.append(entry, writer, subject);
    if (entry.action === 'add') await store.endorseDevice(ctx, subject.id, writer.id);
    if (entry.action === 'revoke' && subject.kind === 'recovery') {
      await removeRecovery(ctx, subject);
      removed = subject.id;
    }
  }
  return removed;
}

/** In a session that the recovery key opened, that key writes too: it admits the device that has come by it. */
async function findRecoveryWriter(ctx: TxCtx<DeviceActor>): Promise<store.DeviceRow | undefined> {
  const id = await findRecoveryOfSession(ctx);
  return id === undefined ? undefined : store.findMemberEvenRevoked(ctx, ctx.actor.accountId, id);
}

async function findRecoveryOfSession(ctx: TxCtx<DeviceActor>): Promise<string | undefined> {
  const session = await store.findLiveSession(ctx, ctx.actor.sessionId);
  return session?.recovery_id ?? undefined;
}
