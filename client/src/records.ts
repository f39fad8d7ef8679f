/** What a client keeps, as typed records over the store's texts. */
import type { Change, DeviceInput, Kind, LogEntry, PublicJwk } from '@alcove/contract';
import type { DeviceKeys } from './crypto/keys.ts';
import { AlcoveError } from './errors.ts';
import type { StoredItem } from './items.ts';
import type { StorageHandle, StorageWrite } from './storage/storage.ts';

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

/** Who this device is. `anchor` is the hash of the log entry from which on it trusts the device log. */
export interface IdentityRecord {
  readonly accountId: string;
  readonly deviceId: string;
  readonly workspaceId: string;
  readonly anchor: string;
  /** The entry that begins the log, kept by the first device until the server has it. */
  readonly genesis?: LogEntry;
}

export interface TokensRecord {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** By this device's clock. */
  readonly accessExpiresAtMs: number;
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
}

/** A sealed change that the server has not confirmed, exactly as it is sent. */
export interface QueuedChange {
  readonly change: Change;
  /** Why the server refused it the last time. */
  readonly rejected?: { readonly code: string; readonly detail: string };
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
  tokens: recordKey<TokensRecord>('tokens'),
  pairing: recordKey<PairingRecord>('pairing'),
  log: recordKey<LogRecord>('log'),
  /** Devices that were revoked at the server and still wait for the log entry and the next epoch. */
  revocations: recordKey<readonly string[]>('revocations'),
  tick: recordKey<TickRecord>('tick'),
  sync: recordKey<SyncRecord>('sync'),
  epochs: recordKey<EpochRecord>('epoch/'),
  epoch: (epoch: number) => recordKey<EpochRecord>(`epoch/${sortable(epoch)}`),
  items: (kind?: Kind) => recordKey<StoredItem>(kind === undefined ? 'item/' : `item/${kind}/`),
  item: (kind: Kind, id: string) => recordKey<StoredItem>(`item/${kind}/${id}`),
  queue: recordKey<QueuedChange>('queue/'),
  queued: (counter: number) => recordKey<QueuedChange>(`queue/${sortable(counter)}`),
};

export interface Records {
  read<T>(key: RecordKey<T>): Promise<T | undefined>;
  /** All records below a key, in their order. */
  scan<T>(prefix: RecordKey<T>): Promise<T[]>;
  write(batch: readonly StorageWrite[]): Promise<void>;
  close(): Promise<void>;
}

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
  throw new AlcoveError('identity.missing', 'This device has no account yet. Call register(), or pair it.');
}

/** The device's own keys, which an identity never stands without. */
export async function requireDevice(records: Records): Promise<DeviceRecord> {
  const device = await records.read(recordKeys.device);
  if (device !== undefined) return device;
  throw new AlcoveError('storage.failed', "The store has lost this device's keys.");
}

function createRecords(handle: StorageHandle): Records {
  return {
    async read({ key, parse }) {
      const text = await handle.read(key);
      return text === undefined ? undefined : parse(text);
    },
    async scan({ key, parse }) {
      return (await handle.scan(key)).map(([, text]) => parse(text));
    },
    write: (batch) => handle.write(batch),
    close: () => handle.close(),
  };
}

/** Numbers of one length sort as texts. */
function sortable(number: number): string {
  return String(number).padStart(16, '0');
}
