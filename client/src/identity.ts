/** How a device gets its keys, and its account. */
import type { DeviceInput, SignedIn } from '@alcove/contract';
import { deviceFingerprint, logEntryHash } from '@alcove/contract/keys';
import { createDeviceKeys, type DeviceKeys } from './crypto/keys.ts';
import { AlcoveError } from './errors.ts';
import { createFirstEpoch, createGenesis } from './genesis.ts';
import type { Http } from './http.ts';
import type { Keyring } from './keyring.ts';
import { type DeviceRecord, put, type Records, recordKeys, requireDevice } from './records.ts';
import { tokensToRecord } from './tokens.ts';
import { isSignedIn } from './wire.ts';

/** Who this device is. */
export interface Identity {
  readonly accountId: string;
  readonly deviceId: string;
  readonly workspaceId: string;
  /** Of this device's keys; the same text that other devices show for it. */
  readonly fingerprint: string;
  /**
   * `waiting` after a sign-in by password alone, while another device holds the keys of the vault: show it the code of
   * `startPairing()`.
   */
  readonly keys: 'ready' | 'waiting';
}

/** How a new device introduces itself. */
export interface DeviceDescription {
  readonly name: string;
  readonly platform: DeviceInput['platform'];
}

export interface IdentityParts {
  readonly records: Records;
  readonly http: Http;
  readonly keyring: Keyring;
  readonly now: () => number;
  readonly description: DeviceDescription;
}

/** Makes an account, or goes on where an earlier call stopped. */
export async function register(parts: IdentityParts): Promise<void> {
  const { records, keyring } = parts;
  if ((await records.read(recordKeys.identity)) === undefined) await createAccount(parts);
  await keyring.refresh();
}

export async function findIdentity(records: Records): Promise<Identity | undefined> {
  const identity = await records.read(recordKeys.identity);
  if (identity === undefined) return undefined;
  const { accountId, deviceId, workspaceId, anchor } = identity;
  const { keys } = await requireDevice(records);
  return {
    accountId,
    deviceId,
    workspaceId,
    fingerprint: await fingerprintOf(keys),
    keys: anchor === undefined ? 'waiting' : 'ready',
  };
}

/** This device, made and stored on first use: nothing is sent about keys that could still be lost. */
export async function ensureDevice({ records, description }: IdentityParts): Promise<DeviceRecord> {
  const known = await records.read(recordKeys.device);
  if (known !== undefined) return known;
  const { name, platform } = description;
  const made = { keys: await createDeviceKeys(), name, platform, registrationKey: crypto.randomUUID() };
  await records.write([put(recordKeys.device, made)]);
  return made;
}

export function toDeviceInput({ name, platform, keys }: DeviceRecord): DeviceInput {
  return { name, platform, encryptionKey: keys.encryption.publicKey, signingKey: keys.signing.publicKey };
}

export function fingerprintOf({ encryption, signing }: DeviceKeys): Promise<string> {
  return deviceFingerprint({ encryptionKey: encryption.publicKey, signingKey: signing.publicKey });
}

async function createAccount(parts: IdentityParts): Promise<void> {
  const { records, http, now } = parts;
  if ((await records.read(recordKeys.pairing)) !== undefined) {
    const message = 'This store waits for a pairing. Claim it, or use a fresh store for a new account.';
    throw new AlcoveError('identity.exists', message);
  }
  const device = await ensureDevice(parts);
  const answer = await http.request({
    method: 'POST',
    path: '/api/v1/auth/register',
    body: { device: toDeviceInput(device) },
    idempotencyKey: device.registrationKey,
    answer: isSignedIn,
  });
  await storeFirstDevice(records, device.keys, answer, now());
}

/**
 * Everything that the first device decides stands in the store before the server hears of it: the genesis entry, from
 * which on it trusts the log, and the first epoch key, so that it can write at once, also offline.
 */
async function storeFirstDevice(
  records: Records,
  keys: DeviceKeys,
  answer: SignedIn,
  nowMs: number,
): Promise<void> {
  const accountId = answer.account.id;
  const deviceId = answer.device.id;
  const genesis = await createGenesis({ accountId, deviceId }, keys);
  const anchor = await logEntryHash(genesis);
  // Another tab that got the same answer may have begun to live by it.
  await records.writeIf(recordKeys.identity, undefined, [
    put(recordKeys.identity, { accountId, deviceId, workspaceId: answer.workspace.id, anchor, genesis }),
    put(recordKeys.account, { accountId, workspaceId: answer.workspace.id, kind: answer.account.kind }),
    put(recordKeys.tokens, tokensToRecord(answer.tokens, accountId, nowMs)),
    put(recordKeys.epoch(1), createFirstEpoch()),
  ]);
}
