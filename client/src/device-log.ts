/**
 * The device log: who belongs to this account, as the devices themselves say it.
 *
 * Each entry names its predecessor by hash and is signed by a device that belonged at that moment. The server stores
 * the log but cannot write it. A device trusts it from an anchor on: its own genesis, or the entry that added it, which
 * the pairing's secret vouches for. What stands before the anchor is fixed by the hash chain alone.
 */
import type { LogEntry, PublicJwk } from '@alcove/contract';
import { jwkThumbprint, logEntryHash, logEntryText } from '@alcove/contract/keys';
import { isSignedBy, type KeyPair, sign } from './crypto/keys.ts';
import { AlcoveError } from './errors.ts';

/** A log that was verified up to its end. */
export interface VerifiedLog {
  readonly entries: readonly LogEntry[];
  /** Hash of each entry, by position. */
  readonly hashes: readonly string[];
}

/** Who belongs, and who did. */
type Members = Map<string, LogEntry | 'left'>;

/** Finds the public signing key of a device. It is checked against the log, so it may come from the server. */
export type FindSigningKey = (deviceId: string) => PublicJwk | undefined;

/** What a device that writes an entry is given. */
export type UnsignedEntry = Omit<LogEntry, 'signature'>;

/**
 * Verifies a log as the server answered it.
 *
 * `known` is what this device verified before (entries, in order): the answer must begin with exactly these. `anchor`
 * is the hash of the entry from which on signatures are checked. Throws `keys.untrusted` with the reason.
 */
export async function verifyLog(
  answered: readonly LogEntry[],
  trust: { accountId: string; anchor: string; known: readonly string[]; findSigningKey: FindSigningKey },
): Promise<VerifiedLog> {
  const hashes = await Promise.all(answered.map(logEntryHash));
  requireContinuation(hashes, trust.known);
  const anchorAt = hashes.indexOf(trust.anchor);
  if (anchorAt < 0) throw untrusted('it does not contain the entry by which this device joined');
  const members: Members = new Map();
  for (const [at, entry] of answered.entries()) {
    requireLink(entry, at, hashes, trust.accountId);
    if (at > anchorAt) await requireSigned(entry, members.get(entry.by), trust.findSigningKey);
    applyEntry(members, entry, at);
  }
  return { entries: answered, hashes };
}

/** The devices that belong after the first `length` entries (all of them by default), by id. */
export function activeDevices(log: VerifiedLog, length = log.entries.length): Map<string, LogEntry> {
  const members: Members = new Map();
  for (const [at, entry] of log.entries.slice(0, length).entries()) applyEntry(members, entry, at);
  return new Map([...members].flatMap(([id, entry]) => (entry === 'left' ? [] : [[id, entry]])));
}

/** The hash that the next entry must name, empty for an empty log. */
export function headOf(log: VerifiedLog): string {
  return log.hashes.at(-1) ?? '';
}

/** True when both public keys are those that the entry names. */
export async function hasKeysOf(
  entry: LogEntry,
  keys: { encryptionKey: PublicJwk; signingKey: PublicJwk },
): Promise<boolean> {
  const [encryption, signing] = await Promise.all([
    jwkThumbprint(keys.encryptionKey),
    jwkThumbprint(keys.signingKey),
  ]);
  return entry.encryptionKeyThumbprint === encryption && entry.signingKeyThumbprint === signing;
}

/** Signs an entry. */
export async function signEntry(entry: UnsignedEntry, signer: KeyPair): Promise<LogEntry> {
  return { ...entry, signature: await sign(signer, logEntryText(entry)) };
}

function requireContinuation(hashes: readonly string[], known: readonly string[]): void {
  if (hashes.length < known.length) throw untrusted('it is shorter than what this device verified before');
  if (known.some((hash, at) => hashes[at] !== hash)) throw untrusted('it tells another history than before');
}

function requireLink(entry: LogEntry, at: number, hashes: readonly string[], accountId: string): void {
  if (entry.accountId !== accountId) throw untrusted(`entry ${at} is of another account`);
  const previous = at === 0 ? '' : hashes[at - 1];
  if (entry.previousHash !== previous) throw untrusted(`entry ${at} does not follow the one before it`);
}

async function requireSigned(
  entry: LogEntry,
  signer: LogEntry | 'left' | undefined,
  findSigningKey: FindSigningKey,
): Promise<void> {
  if (signer === undefined || signer === 'left')
    throw untrusted(`device ${entry.by} signed an entry without belonging`);
  const key = findSigningKey(entry.by);
  if (key === undefined) throw untrusted(`the public key of device ${entry.by} is missing`);
  if ((await jwkThumbprint(key)) !== signer.signingKeyThumbprint) {
    throw untrusted(`the server shows another key for device ${entry.by}`);
  }
  if (!(await isSignedBy(key, logEntryText(entry), entry.signature))) {
    throw untrusted(`an entry about device ${entry.deviceId} carries a wrong signature`);
  }
}

/** Ids are used once: a device that left does not come back under the same name. */
function applyEntry(members: Members, entry: LogEntry, at: number): void {
  if ((entry.action === 'genesis') !== (at === 0))
    throw untrusted(`entry ${at} is a misplaced ${entry.action}`);
  const before = members.get(entry.deviceId);
  if (entry.action !== 'revoke') {
    if (before !== undefined) throw untrusted(`it adds device ${entry.deviceId} twice`);
    members.set(entry.deviceId, entry);
    return;
  }
  if (before === undefined || before === 'left')
    throw untrusted(`it removes the absent device ${entry.deviceId}`);
  members.set(entry.deviceId, 'left');
}

function untrusted(reason: string): AlcoveError {
  return new AlcoveError(
    'keys.untrusted',
    `The device log that the server shows cannot be trusted: ${reason}. No keys were taken from it.`,
  );
}
