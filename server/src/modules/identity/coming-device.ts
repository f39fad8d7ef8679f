/** The device that somebody signs in on with a password or with another service's word: a new one, or one that is known. */
import type { DeviceInput, DeviceProof } from '@alcove/contract/identity';
import { deviceFingerprint } from '@alcove/contract/keys';
import type { TxCtx } from '../../context.ts';
import { deviceTwice, proofInvalid } from './errors.ts';
import type { DeviceProofs } from './known-devices/proofs.ts';
import { requireUsableKeys } from './public-keys.ts';
import { deviceRow } from './render.ts';
import type { SignInParts } from './sign-in.ts';
import * as store from './store.ts';
import { asAccount } from './trail.ts';

export interface NewDevice {
  readonly input: DeviceInput;
  readonly fingerprint: string;
}

export type ComingDevice =
  | ({ readonly kind: 'new' } & NewDevice)
  | { readonly kind: 'known'; readonly proof: DeviceProof };

/** Checks what a device sent before anything is done for it. */
export async function readComingDevice(sent: {
  readonly device?: DeviceInput | undefined;
  readonly known?: DeviceProof | undefined;
}): Promise<ComingDevice | undefined> {
  const { device, known } = sent;
  if (device !== undefined && known !== undefined) throw deviceTwice();
  if (known !== undefined) return { kind: 'known', proof: known };
  return device === undefined ? undefined : { kind: 'new', ...(await readNewDevice(device)) };
}

export async function readNewDevice(input: DeviceInput): Promise<NewDevice> {
  requireUsableKeys(input, '/device');
  return { input, fingerprint: await deviceFingerprint(input) };
}

/**
 * The device of the account that comes: a known one as it was, with its endorsement and its key shares; another one is
 * added. In the transaction that lets the account in.
 */
export async function receiveDevice(
  ctx: TxCtx,
  parts: Pick<SignInParts, 'clock' | 'ids' | 'trail'> & { readonly deviceProofs: DeviceProofs },
  accountId: string,
  coming: ComingDevice | undefined,
): Promise<store.DeviceRow | undefined> {
  if (coming === undefined) return undefined;
  if (coming.kind === 'new') return addUnendorsedDevice(ctx, parts, accountId, coming);
  const device = await parts.deviceProofs.require(ctx, coming.proof);
  if (device.account_id !== accountId) throw proofInvalid();
  return device;
}

/**
 * Adds a device to the account. It is a new one each time, also with keys that the account knows: nothing here proves that
 * it holds them. Nobody vouched for it, so it gets no keys of the vault until a device that has them admits it.
 */
export async function addUnendorsedDevice(
  ctx: TxCtx,
  { clock, ids, trail }: Pick<SignInParts, 'clock' | 'ids' | 'trail'>,
  accountId: string,
  { input, fingerprint }: NewDevice,
): Promise<store.DeviceRow> {
  const row = deviceRow(input, {
    id: ids.uuid(),
    account_id: accountId,
    fingerprint,
    endorsed_by: null,
    created_at: new Date(clock.now()),
  });
  const added = await store.insertDevice(ctx, row);
  await trail.record(ctx, accountId, {
    action: 'device.added',
    target: { type: 'device', id: row.id },
    actor: asAccount(accountId),
    detail: { endorsed: false },
  });
  return added;
}
