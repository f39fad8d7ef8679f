/**
 * How a second device joins an account without the server ever holding a key: the new device shows what it is, a device
 * of the account vouches for it and wraps the keys, and the new device proves that it holds its private key.
 */
import type {
  Claimed,
  Device,
  DeviceInput,
  PairDeviceRequest,
  Pairing,
  PairingStarted,
} from '@alcove/contract/identity';
import { deviceFingerprint, pairingClaimText } from '@alcove/contract/keys';
import { asSystem, type Ctx, type DeviceActor, inTransaction, type TxCtx } from '../../context.ts';
import { createToken } from '../../platform/crypto/index.ts';
import { openDeviceLog } from './device-log.ts';
import * as errors from './errors.ts';
import { giveShares } from './key-shares.ts';
import { requireUsableKeys } from './public-keys.ts';
import { deviceRow, renderDevice } from './render.ts';
import { type SignInParts, signIn } from './sign-in.ts';
import { isSignedBy } from './signatures.ts';
import * as store from './store.ts';
import { asAccount } from './trail.ts';

export interface PairingService {
  start(ctx: Ctx, device: DeviceInput): Promise<PairingStarted>;
  read(ctx: Ctx<DeviceActor>, id: string): Promise<Pairing>;
  approve(ctx: Ctx<DeviceActor>, request: PairDeviceRequest): Promise<{ device: Device }>;
  claim(ctx: Ctx, id: string, signature: string): Promise<Claimed>;
}

const waitsMs = 10 * 60_000;
const pollAgainSeconds = 2;

export function createPairing(parts: SignInParts): PairingService {
  const { clock, ids, trail } = parts;
  const later = () => new Date(clock.now() + waitsMs);

  return {
    async start(ctx, device) {
      requireUsableKeys(device, '/device');
      const row = {
        id: ids.uuid(),
        device_id: ids.uuid(),
        device,
        fingerprint: await deviceFingerprint(device),
        challenge: createToken(),
        created_at: new Date(clock.now()),
        expires_at: later(),
      };
      return asSystem(ctx, async (tx) => {
        await store.insertPairing(tx, row);
        return { id: row.id, challenge: row.challenge, expiresAt: row.expires_at.toISOString() };
      });
    },

    read: (ctx, id) =>
      inTransaction(ctx, async (tx) => {
        const row = await store.findPairing(tx, id);
        if (row === undefined) throw errors.pairingNotFound();
        const device = renderDevice(pairedDevice(row, tx.actor.accountId, null), tx.actor.deviceId);
        return { id: row.id, status: statusOf(row, clock.now()), device };
      }),

    approve: (ctx, request) =>
      inTransaction(ctx, async (tx) => {
        await store.lockAccount(tx, tx.actor.accountId);
        const row = await store.findPairing(tx, request.pairingId);
        if (row !== undefined && isRepeated(row, request)) return approved(tx, row);
        requireWaiting(row, clock.now());
        const device = pairedDevice(row, tx.actor.accountId, tx.actor.deviceId);
        await endorse(tx, device, request);
        await store.insertDevice(tx, device);
        await giveShares(tx, device, request.keyShares);
        await store.approvePairing(tx, row.id, {
          accountId: tx.actor.accountId,
          endorsement: request.endorsement,
          expiresAt: later(),
        });
        const target = { type: 'device', id: device.id };
        await trail.record(tx, device.account_id, {
          action: 'device.added',
          target,
          detail: { pairing: row.id },
        });
        await trail.announce(tx, device.account_id, { type: 'device.added', subject: target });
        return { device: renderDevice(device, tx.actor.deviceId) };
      }),

    claim: (ctx, id, signature) =>
      asSystem(ctx, async (tx) => {
        const { row, accountId, endorsement } = await requireApproved(tx, id, signature, clock.now());
        const device = await store.findDevice(tx, accountId, row.device_id);
        if (device === undefined)
          throw errors.pairingExpired('The device was revoked before it claimed its pairing.');
        await store.markPairingClaimed(tx, id, new Date(clock.now()));
        const keyShares = await store.listKeyShares(tx, accountId, device.id);
        const signedIn = await signIn(tx, parts, device);
        await trail.record(tx, accountId, {
          action: 'device.claimed',
          target: { type: 'device', id: device.id },
          actor: asAccount(accountId),
          detail: { pairing: id },
        });
        return { ...signedIn, keyShares, endorsement };
      }),
  };
}

function statusOf(row: store.PairingRow, now: number): Pairing['status'] {
  if (row.claimed_at !== null) return 'claimed';
  if (row.expires_at.getTime() <= now) return 'expired';
  return row.account_id === null ? 'waiting' : 'approved';
}

function requireWaiting(row: store.PairingRow | undefined, now: number): asserts row is store.PairingRow {
  if (row === undefined) throw errors.pairingNotFound();
  const status = statusOf(row, now);
  if (status === 'expired') throw errors.pairingExpired();
  if (status === 'claimed') throw errors.pairingClaimed();
  if (status === 'approved') throw errors.pairingApproved();
}

/** An approval whose answer was lost is sent again: same device, same endorsement, same answer. */
function isRepeated(row: store.PairingRow, { endorsement }: PairDeviceRequest): boolean {
  return row.endorsement !== null && row.endorsement.signature === endorsement.signature;
}

async function approved(ctx: TxCtx<DeviceActor>, row: store.PairingRow): Promise<{ device: Device }> {
  const device = await store.findDevice(ctx, ctx.actor.accountId, row.device_id);
  if (device === undefined) throw errors.deviceNotFound();
  return { device: renderDevice(device, ctx.actor.deviceId) };
}

/** The signature is asked for first, so that nobody but the device itself learns how its pairing stands. */
async function requireApproved(ctx: TxCtx, id: string, signature: string, now: number) {
  const row = await store.findPairing(ctx, id);
  if (row === undefined) throw errors.pairingNotFound();
  if (!isSignedBy(row.device.signingKey, pairingClaimText(id, row.challenge), signature))
    throw errors.badSignature();
  const status = statusOf(row, now);
  if (status === 'expired') throw errors.pairingExpired();
  if (status === 'claimed') throw errors.pairingClaimed();
  if (row.account_id === null || row.endorsement === null) {
    throw errors.pairingWaiting({ headers: { 'Retry-After': String(pollAgainSeconds) } });
  }
  return { row, accountId: row.account_id, endorsement: row.endorsement };
}

async function endorse(
  ctx: TxCtx<DeviceActor>,
  subject: store.NewDeviceRow,
  { endorsement }: PairDeviceRequest,
) {
  if (endorsement.action !== 'add')
    throw errors.invalidLogEntry('An endorsement is an entry with action add.');
  const writer = await store.findDevice(ctx, ctx.actor.accountId, ctx.actor.deviceId);
  if (writer === undefined) throw errors.deviceNotFound();
  const log = await openDeviceLog(ctx, ctx.actor.accountId);
  await log.append(endorsement, writer, subject);
}

function pairedDevice(
  row: store.PairingRow,
  accountId: string,
  endorsedBy: string | null,
): store.NewDeviceRow {
  return deviceRow(row.device, {
    id: row.device_id,
    account_id: accountId,
    fingerprint: row.fingerprint,
    endorsed_by: endorsedBy ?? row.endorsement?.by ?? null,
    created_at: row.created_at,
  });
}
