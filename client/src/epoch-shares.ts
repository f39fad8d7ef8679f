/**
 * Shares of epoch keys: which of those that the server shows are believed, and who gets one of a new key. Devices and the
 * recovery key are treated alike: each is a member of the device log with keys of its own.
 */
import type { KeyShare, Keys, PublicJwk } from '@alcove/contract';
import { toBase64Url } from '@alcove/contract/base64url';
import { jwkThumbprint } from '@alcove/contract/keys';
import type { KeyPair } from './crypto/keys.ts';
import { findMintedShare, openMintedShare, sealMintedShare } from './crypto/shares.ts';
import { activeDevices, hasKeysOf, headOf, type VerifiedLog } from './device-log.ts';
import { AlcoveError } from './errors.ts';
import type { EpochRecord, LogRecord } from './records.ts';

/** Whose shares are opened. */
export interface Holder {
  readonly accountId: string;
  /** Of the device, or of the recovery key. */
  readonly id: string;
  /** Hash of the log entry that added it. */
  readonly anchor: string;
  readonly encryption: KeyPair;
}

/** Who makes shares. */
export interface Minter {
  readonly accountId: string;
  readonly id: string;
  readonly signing: KeyPair;
}

/** A verified log with the public keys behind it. */
export interface Trusted {
  readonly log: VerifiedLog;
  readonly devices: LogRecord['devices'];
}

/** An epoch key that is to be handed out, on the log that it is minted on. */
export interface MintedEpoch {
  readonly epoch: number;
  readonly key: Uint8Array<ArrayBuffer>;
  readonly log: VerifiedLog;
}

export interface Recipient {
  readonly id: string;
  readonly encryptionKey: PublicJwk;
}

/** The epoch keys of these shares that `held` has not yet. Throws `keys.untrusted` when one cannot be believed. */
export async function openShares(
  holder: Holder,
  held: readonly EpochRecord[],
  shares: readonly KeyShare[],
  trusted: Trusted,
): Promise<EpochRecord[]> {
  const opened: EpochRecord[] = [];
  for (const share of shares.toSorted((a, b) => a.epoch - b.epoch)) {
    if (held.some(({ epoch }) => epoch === share.epoch)) continue;
    const floor = [...held, ...opened].filter(({ epoch }) => epoch < share.epoch);
    const logLengthMin = Math.max(
      trusted.log.hashes.indexOf(holder.anchor) + 1,
      ...floor.map((e) => e.logLength),
    );
    opened.push(await openShare(holder, share, { ...trusted, logLengthMin }));
  }
  const newest = [...held, ...opened].toSorted((a, b) => a.epoch - b.epoch).at(-1);
  if (newest !== undefined && isOutdated(newest, trusted.log, holder.anchor)) {
    throw untrusted(newest.epoch, 'it is the newest, and yet older than the last revocation');
  }
  return opened;
}

/**
 * Whether a device that was revoked since can hold this key. Each revocation comes with a new epoch, so a server that
 * shows the one without the other withholds a key, or shows one that the revoked device made. What came with the
 * pairing was the newest when this device was admitted.
 */
export function isOutdated(epoch: EpochRecord, log: VerifiedLog, anchor: string | undefined): boolean {
  const admittedAt = anchor === undefined ? 0 : log.hashes.indexOf(anchor) + 1;
  const lastRevocation = log.entries.findLastIndex(({ action }) => action === 'revoke') + 1;
  return Math.max(epoch.logLength, admittedAt) < lastRevocation;
}

/** Members that the log admits and the server still serves. The log decides; the server can only leave one out. */
export async function findRecipients(log: VerifiedLog, members: Keys['devices']): Promise<Recipient[]> {
  const active = activeDevices(log);
  const recipients: Recipient[] = [];
  for (const member of members) {
    const entry = active.get(member.id);
    if (entry === undefined || member.revoked) continue;
    if (!(await hasKeysOf(entry, member))) {
      throw new AlcoveError(
        'keys.untrusted',
        `The server shows other keys for device ${member.id} than its log.`,
      );
    }
    recipients.push(member);
  }
  return recipients;
}

export async function wrapForAll(
  { accountId, id: minter, signing }: Minter,
  { epoch, key, log }: MintedEpoch,
  recipients: readonly Recipient[],
): Promise<{ deviceId: string; wrapped: string }[]> {
  const wrapFor = async ({ id, encryptionKey }: Recipient) => {
    const place = { account: accountId, epoch, recipient: id, minter, logHead: headOf(log) };
    return { deviceId: id, wrapped: await sealMintedShare(place, key, encryptionKey, signing) };
  };
  return Promise.all(recipients.map(wrapFor));
}

/**
 * A share is believed when a device signed it that belonged when it was minted. "When" is the log head inside the
 * share, and it may not lie before that of an earlier epoch: a revoked device could otherwise sign with an old head.
 */
async function openShare(
  { accountId, id, encryption }: Holder,
  { epoch, wrapped }: KeyShare,
  trusted: Trusted & { readonly logLengthMin: number },
): Promise<EpochRecord> {
  const share = findMintedShare(wrapped);
  if (share === undefined) throw untrusted(epoch, 'it is not in the form of a minted share');
  const logLength = trusted.log.hashes.indexOf(share.logHead) + 1;
  if (logLength < trusted.logLengthMin)
    throw untrusted(epoch, 'it was minted on an old or unknown device log');
  const minter = activeDevices(trusted.log, logLength).get(share.minter);
  const key = trusted.devices.find((device) => device.id === share.minter)?.signingKey;
  if (
    minter === undefined ||
    key === undefined ||
    (await jwkThumbprint(key)) !== minter.signingKeyThumbprint
  ) {
    throw untrusted(epoch, 'its maker is not a device of this account');
  }
  const place = {
    account: accountId,
    epoch,
    recipient: id,
    minter: share.minter,
    logHead: share.logHead,
  };
  const opened = await openMintedShare(place, share, key, encryption);
  if (opened?.length !== 32) throw untrusted(epoch, 'its signature or its ciphertext is wrong');
  return { epoch, key: toBase64Url(opened), logLength };
}

function untrusted(epoch: number, reason: string): AlcoveError {
  return new AlcoveError(
    'keys.untrusted',
    `The key share of epoch ${epoch} that the server shows cannot be trusted: ${reason}. It was not taken.`,
  );
}
