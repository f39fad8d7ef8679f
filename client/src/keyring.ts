/** The account's epoch keys on this device: believed only when they prove themselves, kept for ever, renewed by minting. */
import type { Keys, LogEntry } from '@alcove/contract';
import { fromBase64Url } from '@alcove/contract/base64url';
import { logEntryHash } from '@alcove/contract/keys';
import { importEpochKey } from './crypto/envelope.ts';
import { activeDevices, hasKeysOf, headOf, signEntry, type VerifiedLog, verifyLog } from './device-log.ts';
import { deleteDevice } from './devices.ts';
import { findRecipients, isOutdated, openShares, type Trusted, wrapForAll } from './epoch-shares.ts';
import { AlcoveError, hasCode } from './errors.ts';
import { createFirstEpoch, createGenesis } from './genesis.ts';
import {
  type EpochRecord,
  keysWaiting,
  type LogRecord,
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
export const nothingKnown: LogRecord = { entries: [], hashes: [], devices: [] };
const noLog: VerifiedLog = { entries: [], hashes: [] };

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

export function fetchKeys(session: Session, signal: AbortSignal | undefined): Promise<Keys> {
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
      : await mint(records, session, toBeginning(shown), [genesis], signal).catch((error) => {
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
  /** Who the server says there is. */
  readonly members: Keys['devices'];
}

function toBeginning({ devices }: Keys): Taken {
  return { epoch: 0, log: noLog, members: devices };
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
    return toBeginning(answer);
  }
  const { accountId, deviceId, anchor } = identity;
  const trusted = await verifyKeys(answer, known, { accountId, anchor });
  const verified = put(recordKeys.log, { ...trusted.log, devices: trusted.devices });
  const { keys } = await requireDevice(records);
  const holder = { accountId, id: deviceId, anchor, encryption: keys.encryption };
  const held = await records.scan(recordKeys.epochs);
  const epochs = await openShares(holder, held, answer.shares, trusted).catch(async (error) => {
    await records.write([verified]);
    throw error;
  });
  await records.write([verified, ...epochs.map((record) => put(recordKeys.epoch(record.epoch), record))]);
  return { epoch: answer.epoch, log: trusted.log, members: answer.devices };
}

/** The log of an answer with the public keys behind it, as far as they prove themselves. Throws `keys.untrusted`. */
export async function verifyKeys(
  answer: Keys,
  known: LogRecord,
  { accountId, anchor }: { readonly accountId: string; readonly anchor: string },
): Promise<Trusted> {
  const devices = mergeDevices(known.devices, answer.devices);
  const findSigningKey = (id: string) => devices.find((device) => device.id === id)?.signingKey;
  const log = await verifyLog(answer.log, { accountId, anchor, known: known.hashes, findSigningKey });
  return { log, devices: await namedBy(log, devices) };
}

/** What the log does not name, the server may have made up, and would stand in the way of the right keys later. */
async function namedBy(
  { entries }: VerifiedLog,
  devices: LogRecord['devices'],
): Promise<LogRecord['devices']> {
  const isNamed = await Promise.all(
    devices.map(async (device) => {
      const entry = entries.find(({ deviceId }) => deviceId === device.id);
      return entry !== undefined && (await hasKeysOf(entry, device));
    }),
  );
  return devices.filter((_, at) => isNamed[at]);
}

/** Keys that stood behind a verified log stay what they were, whatever the server shows later. */
function mergeDevices(known: LogRecord['devices'], shown: Keys['devices']): LogRecord['devices'] {
  const ids = new Set(known.map(({ id }) => id));
  const others = shown.filter(({ id }) => !ids.has(id));
  return [
    ...known,
    ...others.map(({ id, encryptionKey, signingKey }) => ({ id, encryptionKey, signingKey })),
  ];
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
  { epoch: previous, log, members }: Taken,
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
  const { accountId, deviceId } = await requireIdentity(records);
  const { keys } = await requireDevice(records);
  const minter = { accountId, id: deviceId, signing: keys.signing };
  const shares = await wrapForAll(minter, { epoch, key, log: grown }, await findRecipients(grown, members));
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

export async function extend(log: VerifiedLog, entry: LogEntry): Promise<VerifiedLog> {
  return { entries: [...log.entries, entry], hashes: [...log.hashes, await logEntryHash(entry)] };
}

/** True when the server itself, and no proxy before it, said a clear no. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof AlcoveError) || error.code.startsWith('http.')) return false;
  return error.status !== undefined && refusals.includes(error.status);
}

/** Somebody else was quicker. What is to be done is done anew, on what they have written. */
export function isRace(error: unknown): boolean {
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
