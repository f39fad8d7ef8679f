/** The account's epoch keys on this device: believed only when they prove themselves, kept for ever, renewed by minting. */
import type { Keys, LogEntry, PublicJwk } from '@alcove/contract';
import { fromBase64Url, toBase64Url } from '@alcove/contract/base64url';
import { jwkThumbprint, logEntryHash } from '@alcove/contract/keys';
import { importEpochKey } from './crypto/envelope.ts';
import { findMintedShare, openMintedShare, sealMintedShare } from './crypto/shares.ts';
import { activeDevices, hasKeysOf, headOf, signEntry, type VerifiedLog, verifyLog } from './device-log.ts';
import { deleteDevice, listDevices } from './devices.ts';
import { AlcoveError, hasCode } from './errors.ts';
import { createFirstEpoch, createGenesis } from './genesis.ts';
import {
  type EpochRecord,
  type IdentityRecord,
  keysWaiting,
  type LogRecord,
  type MemberIdentity,
  put,
  type Records,
  recordKeys,
  remove,
  requireDevice,
  requireIdentity,
  requireMember,
} from './records.ts';
import type { Session } from './session.ts';
import { isKeys } from './wire.ts';

const mintAttemptsMax = 5;
/** Statuses that speak of what was asked for, not of who asked or when. */
const refusals: readonly number[] = [400, 403, 404, 422];
const nothingKnown: LogRecord = { entries: [], hashes: [], devices: [] };
const beginning: Taken = { epoch: 0, log: { entries: [], hashes: [] } };

export interface EpochKey {
  readonly epoch: number;
  readonly key: CryptoKey;
}

export interface Keyring {
  /** The key that new versions are sealed with, which no revoked device holds. Throws `keys.missing`. */
  current(): Promise<EpochKey>;
  find(epoch: number): Promise<CryptoKey | undefined>;
  /** All epoch keys, for handing them to a new device. */
  list(): Promise<EpochRecord[]>;
  /**
   * Fetches and verifies the device log and takes new epoch keys from it. Finishes what was begun: uploads the first
   * epoch, mints the next one after a revocation. Says which epochs are new. Throws `keys.untrusted`, `keys.waiting`.
   */
  refresh(signal?: AbortSignal): Promise<number[]>;
  /** The device log as it was last verified. */
  log(): Promise<LogRecord>;
}

export function createKeyring({ records, session }: { records: Records; session: Session }): Keyring {
  const imported = new Map<number, Promise<CryptoKey>>();

  function importOnce({ epoch, key }: EpochRecord): Promise<CryptoKey> {
    const known = imported.get(epoch) ?? importEpochKey(fromBase64Url(key));
    imported.set(epoch, known);
    return known;
  }

  async function refresh(signal?: AbortSignal): Promise<number[]> {
    const before = new Set((await records.scan(recordKeys.epochs)).map(({ epoch }) => epoch));
    const { anchor } = await requireIdentity(records);
    await forgetSuperseded(records, session, signal);
    await deleteRevoked(records, session, signal);
    const shown = await fetchKeys(session, signal);
    let taken = await take(
      records,
      anchor === undefined ? await found(records, session, shown, signal) : shown,
    );
    for (let attempt = 1; ; attempt += 1) {
      const entries = await entriesToWrite(records, taken.log);
      if (entries.length === 0 && taken.epoch > 0) break;
      if (attempt > mintAttemptsMax) throw unfinished();
      const answer = await mint(records, session, taken, entries, signal).catch((error) => {
        if (!isRace(error) || attempt >= mintAttemptsMax) throw error;
        // Another device was quicker: look again and do what is still to be done.
        return fetchKeys(session, signal);
      });
      taken = await take(records, answer);
    }
    const after = await records.scan(recordKeys.epochs);
    return after.map(({ epoch }) => epoch).filter((epoch) => !before.has(epoch));
  }

  return {
    refresh: (signal) => records.withLock('keys', () => refresh(signal), signal),
    list: () => records.scan(recordKeys.epochs),
    log: async () => (await records.read(recordKeys.log)) ?? nothingKnown,
    async find(epoch) {
      const record = await records.read(recordKeys.epoch(epoch));
      return record === undefined ? undefined : importOnce(record);
    },
    async current() {
      const newest = (await records.scan(recordKeys.epochs)).at(-1);
      if (newest === undefined) throw new AlcoveError('keys.missing', 'This device holds no epoch key yet.');
      const log = (await records.read(recordKeys.log)) ?? nothingKnown;
      if (isOutdated(newest, log, (await requireIdentity(records)).anchor)) throw outdated();
      return { epoch: newest.epoch, key: await importOnce(newest) };
    },
  };
}

function fetchKeys(session: Session, signal: AbortSignal | undefined): Promise<Keys> {
  return session.request({ method: 'GET', path: '/api/v1/sync/keys', answer: isKeys, signal });
}

/**
 * The first device of an account that has no log yet, signed in by a password alone, begins the log. Its keys count only
 * once the server has them: another device may have been quicker, and then this one waits to be admitted.
 */
async function found(
  records: Records,
  session: Session,
  shown: Keys,
  signal: AbortSignal | undefined,
): Promise<Keys> {
  const genesis = shown.log.length === 0 ? await prepareGenesis(records) : undefined;
  const answer =
    genesis === undefined
      ? shown
      : await mint(records, session, beginning, [genesis], signal).catch((error) => {
          if (!isRace(error)) throw error;
          return fetchKeys(session, signal);
        });
  await settleFounding(records, answer);
  return answer;
}

/** The device that this store was before it was admitted holds no keys and is nobody's any more. */
async function forgetSuperseded(
  records: Records,
  session: Session,
  signal: AbortSignal | undefined,
): Promise<void> {
  const id = await records.read(recordKeys.superseded);
  if (id === undefined) return;
  await deleteDevice(session, id, signal);
  await records.write([remove(recordKeys.superseded)]);
}

/** The devices that this one began to revoke stay in the list: their log entries and the next epoch come after it. */
async function deleteRevoked(
  records: Records,
  session: Session,
  signal: AbortSignal | undefined,
): Promise<void> {
  const ids = (await records.read(recordKeys.revocations)) ?? [];
  for (const id of ids) {
    await deleteDevice(session, id, signal).catch(async (error) => {
      // Asked again it would say the same, and no sync could go past it.
      if (isRefusal(error))
        await records.write([
          put(
            recordKeys.revocations,
            ids.filter((i) => i !== id),
          ),
        ]);
      throw error;
    });
  }
}

/** The genesis and the first epoch key, stored before the server hears of them. */
async function prepareGenesis(records: Records): Promise<LogEntry> {
  const identity = await requireIdentity(records);
  if (identity.genesis !== undefined) return identity.genesis;
  const { keys } = await requireDevice(records);
  const genesis = await createGenesis(identity, keys);
  await records.write([
    put(recordKeys.identity, { ...identity, genesis }),
    put(recordKeys.epoch(1), createFirstEpoch()),
  ]);
  return genesis;
}

/** Throws `keys.waiting` when the log that stands was begun by another device. */
async function settleFounding(records: Records, { log }: Keys): Promise<void> {
  const { genesis, ...identity } = await requireIdentity(records);
  const anchor = genesis === undefined ? undefined : await logEntryHash(genesis);
  const [first] = log;
  if (genesis !== undefined && anchor !== undefined && first !== undefined) {
    if ((await logEntryHash(first)) === anchor) {
      await records.write([put(recordKeys.identity, { ...identity, genesis, anchor })]);
      return;
    }
  }
  await records.write([put(recordKeys.identity, identity), remove(recordKeys.epoch(1))]);
  throw keysWaiting();
}

interface Taken {
  readonly epoch: number;
  readonly log: VerifiedLog;
}

/**
 * Verifies an answer and stores what it proves, in one write. Nothing is taken from a log that does not hold. One that
 * holds is kept also when its keys do not: it may tell of a revocation, after which an older key is used no more.
 */
async function take(records: Records, answer: Keys): Promise<Taken> {
  const identity = await requireMember(records);
  const known = (await records.read(recordKeys.log)) ?? nothingKnown;
  // Before the first device has uploaded its genesis there is no log to verify.
  if (answer.log.length === 0 && known.entries.length === 0 && identity.genesis !== undefined) {
    return beginning;
  }
  const devices = mergeDevices(known.devices, answer.devices);
  const findSigningKey = (id: string) => devices.find((device) => device.id === id)?.signingKey;
  const { accountId, anchor } = identity;
  const log = await verifyLog(answer.log, { accountId, anchor, known: known.hashes, findSigningKey });
  const verified = put(recordKeys.log, { ...log, devices });
  const epochs = await openShares(records, identity, answer, { log, devices }).catch(async (error) => {
    await records.write([verified]);
    throw error;
  });
  await records.write([verified, ...epochs.map((record) => put(recordKeys.epoch(record.epoch), record))]);
  return { epoch: answer.epoch, log };
}

/** Keys that stood behind a verified log stay what they were, whatever the server shows later. */
function mergeDevices(known: LogRecord['devices'], shown: LogRecord['devices']): LogRecord['devices'] {
  const ids = new Set(known.map(({ id }) => id));
  return [...known, ...shown.filter(({ id }) => !ids.has(id))];
}

async function openShares(
  records: Records,
  identity: MemberIdentity,
  answer: Keys,
  trusted: { log: VerifiedLog; devices: LogRecord['devices'] },
): Promise<EpochRecord[]> {
  const held = await records.scan(recordKeys.epochs);
  const opened: EpochRecord[] = [];
  for (const share of answer.shares.toSorted((a, b) => a.epoch - b.epoch)) {
    if (held.some(({ epoch }) => epoch === share.epoch)) continue;
    const floor = [...held, ...opened].filter(({ epoch }) => epoch < share.epoch);
    const logLengthMin = Math.max(
      trusted.log.hashes.indexOf(identity.anchor) + 1,
      ...floor.map((e) => e.logLength),
    );
    opened.push(await openShare(records, identity, share, { ...trusted, logLengthMin }));
  }
  const newest = [...held, ...opened].toSorted((a, b) => a.epoch - b.epoch).at(-1);
  if (newest !== undefined && isOutdated(newest, trusted.log, identity.anchor)) {
    throw untrusted(newest.epoch, 'it is the newest, and yet older than the last revocation');
  }
  return opened;
}

/**
 * Whether a device that was revoked since can hold this key. Each revocation comes with a new epoch, so a server that
 * shows the one without the other withholds a key, or shows one that the revoked device made. What came with the
 * pairing was the newest when this device was admitted.
 */
function isOutdated(epoch: EpochRecord, log: VerifiedLog, anchor: string | undefined): boolean {
  const admittedAt = anchor === undefined ? 0 : log.hashes.indexOf(anchor) + 1;
  const lastRevocation = log.entries.findLastIndex(({ action }) => action === 'revoke') + 1;
  return Math.max(epoch.logLength, admittedAt) < lastRevocation;
}

/**
 * A share is believed when a device signed it that belonged when it was minted. "When" is the log head inside the
 * share, and it may not lie before that of an earlier epoch: a revoked device could otherwise sign with an old head.
 */
async function openShare(
  records: Records,
  { accountId, deviceId }: IdentityRecord,
  { epoch, wrapped }: { epoch: number; wrapped: string },
  trusted: { log: VerifiedLog; devices: LogRecord['devices']; logLengthMin: number },
): Promise<EpochRecord> {
  const share = findMintedShare(wrapped);
  if (share === undefined) throw untrusted(epoch, 'it is not in the form of a minted share');
  const logLength = trusted.log.hashes.indexOf(share.logHead) + 1;
  if (logLength < trusted.logLengthMin)
    throw untrusted(epoch, 'it was minted on an old or unknown device log');
  const minter = activeDevices(trusted.log, logLength).get(share.minter);
  const key = trusted.devices.find(({ id }) => id === share.minter)?.signingKey;
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
    recipient: deviceId,
    minter: share.minter,
    logHead: share.logHead,
  };
  const device = await requireDevice(records);
  const opened = await openMintedShare(place, share, key, device.keys.encryption);
  if (opened?.length !== 32) throw untrusted(epoch, 'its signature or its ciphertext is wrong');
  return { epoch, key: toBase64Url(opened), logLength };
}

/** What this device has to write into the log: its genesis, or the revocations it began. */
async function entriesToWrite(records: Records, log: VerifiedLog): Promise<LogEntry[]> {
  const { genesis, deviceId } = await requireIdentity(records);
  if (log.entries.length === 0) return genesis === undefined ? [] : [genesis];
  const active = activeDevices(log);
  const entries: LogEntry[] = [];
  let grown = log;
  for (const id of (await records.read(recordKeys.revocations)) ?? []) {
    const left = active.get(id);
    if (left === undefined) continue;
    const { keys } = await requireDevice(records);
    const unsigned = { ...left, action: 'revoke', previousHash: headOf(grown), by: deviceId } as const;
    const entry = await signEntry(unsigned, keys.signing);
    entries.push(entry);
    grown = await extend(grown, entry);
  }
  if (entries.length === 0) await records.write([remove(recordKeys.revocations)]);
  return entries;
}

/** Mints the next epoch for everyone who remains. The first one is the key that already seals this device's changes. */
async function mint(
  records: Records,
  session: Session,
  { epoch: previous, log }: Taken,
  entries: readonly LogEntry[],
  signal: AbortSignal | undefined,
): Promise<Keys> {
  let grown = log;
  for (const entry of entries) grown = await extend(grown, entry);
  const held = await records.scan(recordKeys.epochs);
  // A number that was used before would bring back its key, which a device that is to go may hold.
  const epoch = log.entries.length === 0 ? 1 : Math.max(previous, ...held.map((known) => known.epoch)) + 1;
  const prepared = log.entries.length === 0 ? held.find((known) => known.epoch === epoch) : undefined;
  const key = prepared ? fromBase64Url(prepared.key) : crypto.getRandomValues(new Uint8Array(32));
  const recipients = await findRecipients(session, grown, signal);
  const shares = await wrapForAll(records, { epoch, key, log: grown }, recipients);
  return session.request({
    method: 'PUT',
    path: '/api/v1/sync/keys',
    body: { epoch, shares, log: entries },
    answer: isKeys,
    signal,
    // The server answers the very same mint as before, so a lost answer costs nothing.
    isRepeatable: true,
  });
}

async function extend(log: VerifiedLog, entry: LogEntry): Promise<VerifiedLog> {
  return { entries: [...log.entries, entry], hashes: [...log.hashes, await logEntryHash(entry)] };
}

interface Recipient {
  readonly id: string;
  readonly encryptionKey: PublicJwk;
}

/** Devices that the log admits and the server still serves. The log decides; the server can only leave one out. */
async function findRecipients(
  session: Session,
  log: VerifiedLog,
  signal: AbortSignal | undefined,
): Promise<Recipient[]> {
  const active = activeDevices(log);
  const recipients: Recipient[] = [];
  for (const device of await listDevices(session, signal)) {
    const entry = active.get(device.id);
    if (entry === undefined) continue;
    if (!(await hasKeysOf(entry, device))) {
      throw new AlcoveError(
        'keys.untrusted',
        `The server shows other keys for device ${device.id} than its log.`,
      );
    }
    recipients.push(device);
  }
  return recipients;
}

async function wrapForAll(
  records: Records,
  { epoch, key, log }: { epoch: number; key: Uint8Array<ArrayBuffer>; log: VerifiedLog },
  recipients: readonly Recipient[],
): Promise<{ deviceId: string; wrapped: string }[]> {
  const { accountId, deviceId: minter } = await requireIdentity(records);
  const { keys } = await requireDevice(records);
  const wrapFor = async ({ id, encryptionKey }: Recipient) => {
    const place = { account: accountId, epoch, recipient: id, minter, logHead: headOf(log) };
    return { deviceId: id, wrapped: await sealMintedShare(place, key, encryptionKey, keys.signing) };
  };
  return Promise.all(recipients.map(wrapFor));
}

/** True when the server itself, and no proxy before it, said a clear no. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof AlcoveError) || error.code.startsWith('http.')) return false;
  return error.status !== undefined && refusals.includes(error.status);
}

function isRace(error: unknown): boolean {
  return ['keys.epoch_conflict', 'keys.log_moved', 'keys.incomplete_shares'].some((code) =>
    hasCode(error, code),
  );
}

function outdated(): AlcoveError {
  const message =
    'A device was revoked, and the server has not shown the epoch key from after that. ' +
    'Nothing is sealed with the older one, for the revoked device has it too. Call sync() first.';
  return new AlcoveError('keys.missing', message);
}

function unfinished(): AlcoveError {
  const message = 'The server took what this device wrote into its log several times, and shows none of it.';
  return new AlcoveError('keys.untrusted', message);
}

function untrusted(epoch: number, reason: string): AlcoveError {
  return new AlcoveError(
    'keys.untrusted',
    `The key share of epoch ${epoch} that the server shows cannot be trusted: ${reason}. It was not taken.`,
  );
}
