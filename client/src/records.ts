/** What a client keeps, as typed records over the store's texts. */
import type { Account, Change, DeviceInput, Kind, LogEntry, PublicJwk } from '@alcove/contract';
import { canonicalClock, type VectorClock } from '@alcove/contract/clock';
import type { DeviceKeys } from './crypto/keys.ts';
import { AlcoveError } from './errors.ts';
import type { StoredItem } from './items.ts';
import { createLocks } from './locks.ts';
import type { News, ScanPart, StorageHandle, StorageWrite } from './storage/storage.ts';

/** Raise it when a record changes its meaning, and convert older stores in `openRecords`. */
const schema = 1;

/**
 * This device as it introduces itself, made before anything is sent, with the Idempotency-Key of its registration: a
 * repetition has to say the very same.
 */
export interface DeviceRecord {
  readonly keys: DeviceKeys;
  readonly name: string;
  readonly platform: DeviceInput['platform'];
  readonly registrationKey: string;
}

/** Who this device is. */
export interface IdentityRecord {
  readonly accountId: string;
  readonly deviceId: string;
  readonly workspaceId: string;
  /**
   * Hash of the log entry from which on this device trusts the device log. Without one it came by a password alone, and
   * waits: for its genesis to be accepted, or to be admitted by another device.
   */
  readonly anchor?: string;
  /** The entry that begins the log, kept by the first device until the server has it. */
  readonly genesis?: LogEntry;
}

/** An identity that belongs to the account's device log. */
export interface MemberIdentity extends IdentityRecord {
  readonly anchor: string;
}

/** Whose session this store holds, or held last. */
export interface AccountRecord {
  readonly accountId: string;
  readonly workspaceId: string;
  readonly kind: Account['kind'];
}

export interface TokensRecord {
  readonly accountId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** By this device's clock. */
  readonly accessExpiresAtMs: number;
  /** Idempotency-Key of the refresh that follows: an answer that was lost is given again, also after a restart. */
  readonly refreshKey: string;
}

/** A pairing that this device, the new one, has started. */
export interface PairingRecord {
  readonly id: string;
  readonly challenge: string;
  readonly expiresAt: string;
  readonly secret: string;
  readonly claimKey: string;
}

export interface EpochRecord {
  readonly epoch: number;
  /** 32 bytes, base64url. */
  readonly key: string;
  /** How long the log was, as its minter knew it; later epochs may not be minted on a shorter one. */
  readonly logLength: number;
}

/** The device log as far as it was verified, with the public keys behind it. */
export interface LogRecord {
  readonly entries: readonly LogEntry[];
  readonly hashes: readonly string[];
  readonly devices: readonly {
    readonly id: string;
    readonly encryptionKey: PublicJwk;
    readonly signingKey: PublicJwk;
  }[];
}

/** The recovery key that was made here, and whether its words were seen to be written down. */
export interface RecoveryRecord {
  readonly id: string;
  readonly confirmed: boolean;
}

/** A recovery that has made this store a device, until all that was asked for is done. */
export interface RecoveringRecord {
  /** Of the recovery key that it came by. */
  readonly id: string;
}

/** The highest counter and the latest hybrid time this device has given out. */
export interface TickRecord {
  readonly counter: number;
  readonly time?: string;
}

export interface SyncRecord {
  readonly cursor?: string;
  readonly lastSyncedAt?: string;
  readonly clockSkewMs?: number;
  readonly cloned?: boolean;
  /** Where the vault was, by its own word, when it took this store for a copy. */
  readonly vaultCounter?: number;
  /** The highest own counter whose push the server has answered. */
  readonly sentCounter?: number;
  /** The same when the last page came: what was answered up to then, the history of the cursor has. */
  readonly knownCounter?: number;
  readonly resync?: Resync;
}

/** A pull of everything, because the server cannot go on from where this device was. It ends when all is pulled. */
export interface Resync {
  /** Marks the items that it has shown. */
  readonly stamp: string;
  /** What came with a higher sequence number the vault may have lost; what came before it and is not shown is deleted. */
  readonly knownUpToSeq: number;
  /**
   * The vault has gone on with another store of this device, which had sent no more than this. What this one has sent beyond it
   * only this one has: it brings it back as another device.
   */
  readonly sharedCounter?: number;
}

/** Why the server refused a change the last time. */
export interface Refusal {
  readonly code: string;
  readonly detail: string;
}

/** A sealed change that the server has not confirmed, exactly as it is sent. */
export interface QueuedChange {
  readonly change: Change;
  /** What the edit has seen of that which the server had confirmed: without own edits that still waited. */
  readonly base?: VectorClock;
  readonly rejected?: Refusal;
}

/**
 * A push whose fate is not known yet. It is repeated just as it was, under the same Idempotency-Key: so the server can
 * tell it from the push of another copy of this store.
 */
export interface SendingRecord {
  readonly key: string;
  readonly counters: readonly number[];
  /** The highest own counter whose push had been answered before. */
  readonly sentCounter: number;
}

/** Texts that nobody makes twice. */
export interface StampsRecord {
  /** Another one after each change of the vault. */
  readonly vault: string;
  /** Another one after each change of the queue. */
  readonly queue: string;
}

/** A version that the vault has lost and is sent again, just as it was. */
export interface ResendRecord {
  readonly change: Change;
  readonly rejected?: Refusal;
}

export interface ConflictRecord {
  readonly kind: Kind;
  readonly id: string;
}

/** Where a record lies and what it holds. */
export interface RecordKey<T> {
  readonly key: string;
  readonly parse: (text: string) => T;
}

const recordKey = <T>(key: string): RecordKey<T> => ({ key, parse: (text) => JSON.parse(text) });

export const recordKeys = {
  schema: recordKey<number>('schema'),
  device: recordKey<DeviceRecord>('device'),
  identity: recordKey<IdentityRecord>('identity'),
  account: recordKey<AccountRecord>('account'),
  tokens: recordKey<TokensRecord>('tokens'),
  /** Of a guest who has signed in to an account since, until the account has taken over what the guest had. */
  guest: recordKey<TokensRecord>('guest'),
  /** What proves to the server that this store began a sign-in with another service (as PKCE does). */
  oauth: recordKey<string>('oauth'),
  pairing: recordKey<PairingRecord>('pairing'),
  /** The device that this store was before it was admitted, until the server has forgotten it. */
  superseded: recordKey<string>('superseded'),
  log: recordKey<LogRecord>('log'),
  /** Devices that are to go, until the server has let go of them and the log and the next epoch are without them. */
  revocations: recordKey<readonly string[]>('revocations'),
  recovery: recordKey<RecoveryRecord>('recovery'),
  recovering: recordKey<RecoveringRecord>('recovering'),
  tick: recordKey<TickRecord>('tick'),
  sync: recordKey<SyncRecord>('sync'),
  /** What those who share the store find each other by. */
  tabs: recordKey<string>('tabs'),
  /** By which clients that share the store know of each other's writes. */
  stamps: recordKey<StampsRecord>('stamps'),
  epochs: recordKey<EpochRecord>('epoch/'),
  epoch: (epoch: number) => recordKey<EpochRecord>(`epoch/${sortable(epoch)}`),
  items: (kind?: Kind) => recordKey<StoredItem>(kind === undefined ? 'item/' : `item/${kind}/`),
  item: (kind: Kind, id: string) => recordKey<StoredItem>(`item/${kind}/${id}`),
  /** Which entries are in conflict, so that nobody has to look at all of them. */
  conflicts: recordKey<ConflictRecord>('conflict/'),
  conflict: (kind: Kind, id: string) => recordKey<ConflictRecord>(`conflict/${kind}/${id}`),
  /** Versions that were joined here, until the vault has been told. */
  joins: recordKey<readonly Change[]>('join/'),
  join: (kind: Kind, id: string) => recordKey<readonly Change[]>(`join/${kind}/${id}`),
  queue: recordKey<QueuedChange>('queue/'),
  queued: (counter: number) => recordKey<QueuedChange>(`queue/${sortable(counter)}`),
  sending: recordKey<SendingRecord>('sending'),
  resends: recordKey<ResendRecord>('resend/'),
  resend: ({ kind, id, clock }: Change) =>
    recordKey<ResendRecord>(`resend/${kind}/${id}/${canonicalClock(clock)}`),
};

/**
 * What only one of the clients that share a store does at a time; `lead` is to sync for all of them. Whoever holds one may ask for those after it, never
 * for those before it, so nobody waits for each other.
 */
export type LockName = 'lead' | 'identity' | 'guest' | 'sync' | 'keys' | 'session' | 'vault';

export interface Records {
  read<T>(key: RecordKey<T>): Promise<T | undefined>;
  /** All records below a key, in their order, or a part of them. */
  scan<T>(prefix: RecordKey<T>, part?: ScanPart): Promise<T[]>;
  write(batch: readonly StorageWrite[]): Promise<void>;
  /** Writes only if this record still is what it was, and says whether it was. */
  writeIf<T>(key: RecordKey<T>, was: T | undefined, batch: readonly StorageWrite[]): Promise<boolean>;
  /** Runs work that nobody else who has the store open may do meanwhile. `signal` ends the waiting for them. */
  withLock<T>(name: LockName, work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** A way to those who have the store open in other programs. */
  joinNews(onText: (text: string) => void): News;
  close(): Promise<void>;
}

/** Of a store that is open in this program only. */
const noNews: News = { post() {}, listen() {}, close() {} };
const never = new AbortController().signal;

/** Takes a store into use. Throws `storage.newer` when it belongs to a newer SDK. */
export async function openRecords(handle: StorageHandle): Promise<Records> {
  const records = createRecords(handle);
  const found = await records.read(recordKeys.schema);
  if (found !== undefined && found > schema) {
    throw new AlcoveError(
      'storage.newer',
      'The store was written by a newer Alcove SDK. Update this program.',
    );
  }
  if (found === undefined) await records.write([put(recordKeys.schema, schema)]);
  return records;
}

export function put<T>({ key }: RecordKey<T>, value: T): StorageWrite {
  return { key, value: JSON.stringify(value) };
}

export function remove({ key }: RecordKey<unknown>): StorageWrite {
  return { key, value: undefined };
}

/** Throws `identity.missing` before the device has joined an account. */
export async function requireIdentity(records: Records): Promise<IdentityRecord> {
  const identity = await records.read(recordKeys.identity);
  if (identity !== undefined) return identity;
  throw identityMissing();
}

export function identityMissing(): AlcoveError {
  const message = 'This store belongs to no account yet. Register, sign in or pair it.';
  return new AlcoveError('identity.missing', message);
}

/** Whose store this is, whether a session stands or not. */
export async function findAccount(records: Records): Promise<AccountRecord | undefined> {
  return records.read(recordKeys.account);
}

/** Throws `keys.waiting` while the device log does not admit this device. */
export async function requireMember(records: Records): Promise<MemberIdentity> {
  const { anchor, ...identity } = await requireIdentity(records);
  if (anchor !== undefined) return { ...identity, anchor };
  throw keysWaiting();
}

export function keysWaiting(): AlcoveError {
  return new AlcoveError(
    'keys.waiting',
    'This device signed in by a password alone, and another one holds the keys of the vault. ' +
      'Show the code of startPairing() to it.',
  );
}

/** The device's own keys, which an identity never stands without. */
export async function requireDevice(records: Records): Promise<DeviceRecord> {
  const device = await records.read(recordKeys.device);
  if (device !== undefined) return device;
  throw new AlcoveError('storage.failed', "The store has lost this device's keys.");
}

function createRecords(handle: StorageHandle): Records {
  const withLock = handle.withLock?.bind(handle) ?? createLocks();
  return {
    withLock: (name, work, signal = never) => withLock(name, work, signal),
    async read({ key, parse }) {
      const text = await handle.read(key);
      return text === undefined ? undefined : parse(text);
    },
    async scan({ key, parse }, part) {
      const found = await handle.scan(key, part);
      return found.flatMap(([at, text]) => (part === undefined || at > part.after ? [parse(text)] : []));
    },
    write: (batch) => handle.write(batch),
    async writeIf(key, was, batch) {
      const condition = was === undefined ? remove(key) : put(key, was);
      if (handle.writeIf !== undefined) return handle.writeIf(condition, batch);
      await handle.write(batch);
      return true;
    },
    joinNews: (onText) => handle.joinNews?.(onText) ?? noNews,
    close: () => handle.close(),
  };
}

/** Numbers of one length sort as texts. */
function sortable(number: number): string {
  return String(number).padStart(16, '0');
}
