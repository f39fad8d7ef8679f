/** The devices of the account, as the server lists them and as the device log proves them. */
import type { Device } from '@alcove/contract';
import { activeDevices } from './device-log.ts';
import { AlcoveError, hasCode } from './errors.ts';
import type { Keyring } from './keyring.ts';
import { put, type Records, recordKeys, requireIdentity } from './records.ts';
import type { Session } from './session.ts';
import { isDevice, isDeviceList, isNothing } from './wire.ts';

/** A device as the server lists it. */
export interface ListedDevice extends Device {
  /** True when the device log, as this device verified it, admits the device. Only such devices get keys. */
  readonly verified: boolean;
}

export interface DevicesParts {
  readonly records: Records;
  readonly session: Session;
  readonly keyring: Keyring;
}

export async function listVerifiedDevices({ session, keyring }: DevicesParts): Promise<ListedDevice[]> {
  const devices = await listDevices(session);
  const active = activeDevices(await keyring.log());
  return devices.map((device) => ({ ...device, verified: active.has(device.id) }));
}

export async function renameDevice({ session }: DevicesParts, id: string, name: string): Promise<Device> {
  return session.request({
    method: 'PATCH',
    path: `/api/v1/auth/devices/${encodeURIComponent(id)}`,
    body: { name },
    answer: isDevice,
  });
}

export async function revokeDevice(parts: DevicesParts, id: string): Promise<void> {
  const { deviceId } = await requireIdentity(parts.records);
  if (id === deviceId) {
    throw new AlcoveError(
      'invalid_argument',
      'A device cannot revoke itself: use logout(), or another device.',
    );
  }
  await revokeAll(parts, [id]);
}

/** Leaves this device alone in the account, with the recovery key. */
export async function revokeOtherDevices(parts: DevicesParts): Promise<void> {
  const { deviceId } = await requireIdentity(parts.records);
  const devices = await listDevices(parts.session);
  const others = devices.map(({ id }) => id).filter((id) => id !== deviceId);
  await revokeAll(parts, others);
}

/**
 * Stores the intention. The keyring's refresh then revokes at the server first, which takes effect at once, writes the
 * log entries and mints the next epoch; whatever of it is interrupted is done by the next one.
 */
async function revokeAll({ records, keyring }: DevicesParts, ids: readonly string[]): Promise<void> {
  await records.withLock('keys', async () => {
    const waiting = (await records.read(recordKeys.revocations)) ?? [];
    await records.write([put(recordKeys.revocations, [...new Set([...waiting, ...ids])])]);
  });
  await keyring.refresh();
}

/** Every device that the server serves, over all pages. */
export async function listDevices(session: Session, signal?: AbortSignal): Promise<Device[]> {
  const devices: Device[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const path = `/api/v1/auth/devices?limit=200${query}`;
    const page = await session.request({
      method: 'GET',
      path,
      answer: isDeviceList,
      signal,
    });
    devices.push(...page.data);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return devices;
}

/** Takes a device from the account at the server; one that is gone already is fine. */
export async function deleteDevice(session: Session, id: string, signal?: AbortSignal): Promise<void> {
  try {
    const path = `/api/v1/auth/devices/${encodeURIComponent(id)}`;
    await session.request({ method: 'DELETE', path, answer: isNothing, signal });
  } catch (error) {
    // Gone already: an earlier try whose answer was lost, or another device was quicker.
    if (!hasCode(error, 'device.not_found')) throw error;
  }
}
