/** A device that comes by a password or by another service's word. */
import type { DeviceInput } from '@alcove/contract/identity';
import { deviceFingerprint } from '@alcove/contract/keys';
import type { TxCtx } from '../../context.ts';
import { requireUsableKeys } from './public-keys.ts';
import { deviceRow } from './render.ts';
import type { SignInParts } from './sign-in.ts';
import * as store from './store.ts';
import { asAccount } from './trail.ts';

export interface ComingDevice {
  readonly input: DeviceInput;
  readonly fingerprint: string;
}

/** Checks the keys of a device before anything is done for it. */
export async function readComingDevice(input: DeviceInput | undefined): Promise<ComingDevice | undefined> {
  if (input === undefined) return undefined;
  requireUsableKeys(input);
  return { input, fingerprint: await deviceFingerprint(input) };
}

/**
 * Adds it to the account. It is a new device each time, also with keys that the account knows: nothing here proves that
 * it holds them. Nobody vouched for it, so it gets no keys of the vault until a device that has them admits it.
 */
export async function addUnendorsedDevice(
  ctx: TxCtx,
  { clock, ids, trail }: Pick<SignInParts, 'clock' | 'ids' | 'trail'>,
  accountId: string,
  device: ComingDevice | undefined,
): Promise<store.DeviceRow | undefined> {
  if (device === undefined) return undefined;
  const row = deviceRow(device.input, {
    id: ids.uuid(),
    account_id: accountId,
    fingerprint: device.fingerprint,
    endorsed_by: null,
    created_at: new Date(clock.now()),
  });
  await store.insertDevice(ctx, row);
  await trail.record(ctx, accountId, {
    action: 'device.added',
    target: { type: 'device', id: row.id },
    actor: asAccount(accountId),
    detail: { endorsed: false },
  });
  return { ...row, last_seen_at: null };
}
