/** Setting, replacing and showing the recovery key. The words are never here, nor anything that follows from them alone. */

import { deviceFingerprint, recoveryMemberId } from '@alcove/contract/keys';
import type { RecoveryMember, SetRecoveryRequest } from '@alcove/contract/recovery';
import { type Ctx, type DeviceActor, inTransaction, type TxCtx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import { type DeviceLog, openDeviceLog } from '../device-log.ts';
import { type Epochs, requireNextEpoch } from '../epochs.ts';
import * as errors from '../errors.ts';
import { giveShares } from '../key-shares.ts';
import type { Letters } from '../letters.ts';
import type { TellOwner } from '../notices.ts';
import { requireUsableKeys } from '../public-keys.ts';
import type { Sessions } from '../sessions.ts';
import { type DeviceRow, findDevice, lockAccount, type NewDeviceRow } from '../store.ts';
import type { Trail } from '../trail.ts';
import { recoveryAbsent, recoveryExists, recoveryKeyUsed, recoveryNotFound } from './errors.ts';
import { findRecovery, insertRecovery, type RecoveryRow } from './recovery-store.ts';
import type { RemoveRecovery } from './remove.ts';

export interface Recovery {
  get(ctx: Ctx<DeviceActor>): Promise<RecoveryMember>;
  /**
   * Sets the recovery key, or puts another one in its place in the same moment, so that there is none at no time. Sending
   * the same again is answered the same.
   */
  set(ctx: Ctx<DeviceActor>, request: SetRecoveryRequest): Promise<RecoveryMember>;
}

interface RecoveryParts {
  readonly clock: Clock;
  readonly sessions: Sessions;
  readonly trail: Trail;
  readonly epochs: Epochs;
  readonly removeRecovery: RemoveRecovery;
  readonly letters: Pick<Letters, 'recoverySet' | 'recoveryReplaced'>;
  readonly tellOwner: TellOwner;
}

export function createRecovery(parts: RecoveryParts): Recovery {
  const { clock, sessions, trail, letters, tellOwner } = parts;
  return {
    get: (ctx) =>
      inTransaction(ctx, async (tx) => {
        const row = await findRecovery(tx, tx.actor.accountId);
        if (row === undefined) throw recoveryNotFound();
        return render(row);
      }),

    async set(ctx, request) {
      requireUsableKeys(request, '');
      const fingerprint = await deviceFingerprint(request);
      const id = await recoveryMemberId(fingerprint);
      return inTransaction(ctx, async (tx) => {
        const { accountId, deviceId } = tx.actor;
        await lockAccount(tx, accountId);
        await sessions.requireOwnLive(tx);
        const before = await findRecovery(tx, accountId);
        const log = await openDeviceLog(tx, accountId);
        if (before?.id === id && isRepeated(log, request)) return render(before);
        const row = memberRow(request, { id, accountId, fingerprint, by: deviceId, at: clock.now() });
        const member = await replace(tx, parts, { before, row, log, request });
        await tellOwner(tx, accountId, before === undefined ? letters.recoverySet : letters.recoveryReplaced);
        await trail.record(tx, accountId, {
          action: before === undefined ? 'recovery.set' : 'recovery.replaced',
          target: { type: 'device', id },
        });
        return render(member);
      });
    },
  };
}

/** A request whose answer was lost is sent again, with the very entry that the log has. */
function isRepeated(log: DeviceLog, { endorsement }: SetRecoveryRequest): boolean {
  return log.entries.some(({ signature }) => signature === endorsement.signature);
}

interface Replacement {
  readonly before: RecoveryRow | undefined;
  readonly row: NewDeviceRow & Pick<RecoveryRow, 'recovery_blob'>;
  readonly log: DeviceLog;
  readonly request: SetRecoveryRequest;
}

async function replace(
  tx: TxCtx<DeviceActor>,
  { epochs, removeRecovery }: RecoveryParts,
  { before, row, log, request }: Replacement,
): Promise<RecoveryRow> {
  const { replaces, endorsement, keyShares } = request;
  if (before === undefined && replaces !== undefined) throw recoveryAbsent();
  if (before !== undefined && replaces === undefined) throw recoveryExists();
  if (replaces !== undefined) await requireNextEpoch(tx, replaces.epoch);
  const writer = await requireWriter(tx);
  if (before !== undefined && replaces !== undefined) {
    if (replaces.revocation.action !== 'revoke')
      throw errors.invalidLogEntry('A revocation is an entry with action revoke.');
    await log.append(replaces.revocation, writer, before);
    await removeRecovery(tx, before);
  }
  const member = await insertRecovery(tx, row);
  if (member === undefined) throw recoveryKeyUsed();
  if (endorsement.action !== 'add')
    throw errors.invalidLogEntry('An endorsement is an entry with action add.');
  await log.append(endorsement, writer, member);
  await giveShares(tx, member, keyShares);
  if (replaces !== undefined) await epochs.add(tx, log, replaces);
  return member;
}

async function requireWriter(tx: TxCtx<DeviceActor>): Promise<DeviceRow> {
  const writer = await findDevice(tx, tx.actor.accountId, tx.actor.deviceId);
  if (writer === undefined) throw errors.deviceNotFound();
  return writer;
}

function memberRow(
  { encryptionKey, signingKey, blob }: SetRecoveryRequest,
  given: { id: string; accountId: string; fingerprint: string; by: string; at: number },
): Replacement['row'] {
  return {
    id: given.id,
    account_id: given.accountId,
    name: 'Recovery key',
    platform: 'other',
    encryption_key: encryptionKey,
    signing_key: signingKey,
    fingerprint: given.fingerprint,
    endorsed_by: given.by,
    created_at: new Date(given.at),
    recovery_blob: blob ?? null,
  };
}

function render(row: RecoveryRow): RecoveryMember {
  return {
    id: row.id,
    encryptionKey: row.encryption_key,
    signingKey: row.signing_key,
    createdAt: row.created_at.toISOString(),
    blob: row.recovery_blob,
  };
}
