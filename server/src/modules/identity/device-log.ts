/** Checks what a device wants to append to its account's log. Devices check the whole log again for themselves. */
import type { LogEntry } from '@alcove/contract/identity';
import { jwkThumbprint, logEntryHash, logEntryText } from '@alcove/contract/keys';
import type { TxCtx } from '../../context.ts';
import { invalidLogEntry, logMissing, logMoved } from './errors.ts';
import { isSignedBy } from './signatures.ts';
import * as store from './store.ts';

type LogDevice = Pick<store.DeviceRow, 'id' | 'encryption_key' | 'signing_key'>;

export interface DeviceLog {
  readonly entries: readonly LogEntry[];
  /** The devices that the log admits: added, and not revoked since. */
  admitted(): Set<string>;
  /** Appends one entry that `writer` signed about `subject`. Throws when the chain or the signature does not hold. */
  append(entry: LogEntry, writer: LogDevice, subject: LogDevice): Promise<void>;
}

/** Reads the log inside a transaction that has locked the account, so that nobody else appends meanwhile. */
export async function openDeviceLog(ctx: TxCtx, accountId: string): Promise<DeviceLog> {
  const rows = await store.readDeviceLog(ctx, accountId);
  const entries = rows.map(({ entry }) => entry);
  let head = rows.at(-1)?.hash ?? '';

  return {
    entries,
    admitted: () => admittedBy(entries),
    async append(entry, writer, subject) {
      requireChained(entry, head);
      requireAllowed(entry, accountId, writer, admittedBy(entries));
      if (entry.action === 'add' && entries.some(({ deviceId }) => deviceId === entry.deviceId))
        throw invalidLogEntry('The device is in the log already, or was.');
      await requireSubject(entry, subject);
      if (!isSignedBy(writer.signing_key, logEntryText(entry), entry.signature)) {
        throw invalidLogEntry(`The entry's signature is not one of device ${writer.id}.`);
      }
      const hash = await logEntryHash(entry);
      await store.appendDeviceLog(ctx, accountId, { position: entries.length, hash, entry });
      entries.push(entry);
      head = hash;
    },
  };
}

function admittedBy(entries: readonly LogEntry[]): Set<string> {
  const admitted = new Set<string>();
  for (const { action, deviceId } of entries) {
    if (action === 'revoke') admitted.delete(deviceId);
    else admitted.add(deviceId);
  }
  return admitted;
}

function requireChained(entry: LogEntry, head: string): void {
  if (entry.action === 'genesis' && head !== '')
    throw invalidLogEntry('The log has its genesis entry already.');
  if (entry.action !== 'genesis' && head === '') {
    throw logMissing(
      'The first device uploads the genesis entry together with epoch 1 (PUT /api/v1/sync/keys).',
    );
  }
  if (entry.previousHash === head) return;
  throw logMoved({
    detail: 'previousHash is not the hash of the newest entry; read the log again and sign anew.',
    extensions: { head },
  });
}

function requireAllowed(
  entry: LogEntry,
  accountId: string,
  writer: LogDevice,
  admitted: ReadonlySet<string>,
): void {
  if (entry.accountId !== accountId) throw invalidLogEntry('accountId is not the account of the caller.');
  if (entry.by !== writer.id) throw invalidLogEntry('by is not the calling device.');
  if (entry.action === 'genesis') {
    if (entry.deviceId !== writer.id)
      throw invalidLogEntry('A genesis entry is about the device that signs it.');
    return;
  }
  if (!admitted.has(writer.id))
    throw invalidLogEntry('The calling device is not admitted by the log itself.');
  if (entry.action === 'revoke' && !admitted.has(entry.deviceId))
    throw invalidLogEntry('The device is not in the log.');
}

async function requireSubject(entry: LogEntry, subject: LogDevice): Promise<void> {
  if (entry.deviceId !== subject.id) throw invalidLogEntry(`deviceId is not ${subject.id}.`);
  const [encryption, signing] = await Promise.all([
    jwkThumbprint(subject.encryption_key),
    jwkThumbprint(subject.signing_key),
  ]);
  if (entry.encryptionKeyThumbprint !== encryption) {
    throw invalidLogEntry("encryptionKeyThumbprint is not that of the device's encryption key.");
  }
  if (entry.signingKeyThumbprint !== signing) {
    throw invalidLogEntry("signingKeyThumbprint is not that of the device's signing key.");
  }
}
