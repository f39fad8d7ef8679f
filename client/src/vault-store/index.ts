/**
 * The vault on this device: items in plaintext, the queue of sealed changes, and every step between them in one write.
 * This is its door; each file beside it is one kind of step.
 */
import type { Change, Kind } from '@alcove/contract';
import type { Conflict } from '../conflicts.ts';
import { deriveId } from '../crypto/ids.ts';
import type { Edit } from '../edits.ts';
import { AlcoveError } from '../errors.ts';
import type { ItemRef, VaultItem } from '../items.ts';
import { createQueue, type QueueEntry } from '../queue.ts';
import {
  type MemberIdentity,
  put,
  type QueuedChange,
  type ResendRecord,
  recordKeys,
  remove,
  requireMember,
  type SyncRecord,
} from '../records.ts';
import type { StorageWrite } from '../storage/storage.ts';
import { createEditing } from './editing.ts';
import { type Applied, createPages, type Page } from './pages.ts';
import { type ItemChange, type Position, readSync, type StoreParts } from './parts.ts';
import { createReading, type Shown } from './reading.ts';
import { createResyncing, type SettledResend, type ToldOfResync } from './resync.ts';
import { createSealing } from './sealing.ts';
import { type Batch, createSending, type Outcome } from './sending.ts';
import { createSuccession } from './succession.ts';

export type { ItemChange, Position } from './parts.ts';
export type { SettledResend } from './resync.ts';
export type { Batch } from './sending.ts';

/** Ids outlive every later epoch, so they follow from the first. */
const firstEpoch = 1;

export interface VaultStore {
  /** Seals and stores edits, all in one write. */
  write(edits: readonly Edit[]): Promise<ItemChange[]>;
  find(kind: Kind, id: string): Promise<VaultItem | undefined>;
  list(kind?: Kind): Promise<VaultItem[]>;
  /** Reads without taking it for shown to the user: for programs. */
  findMany(refs: readonly ItemRef[]): Promise<(VaultItem | undefined)[]>;
  /** All items, or those of one kind, a part at a time, and read as by `findMany`. */
  each(kind?: Kind): AsyncIterable<VaultItem>;
  /** Throws `keys.missing`. */
  deriveId(name: string): Promise<string>;
  /** The entries that are in conflict now. */
  conflicts(): Promise<Conflict[]>;
  /** Joined versions that the vault has not been told of. */
  joins(): Promise<Change[]>;
  forgetJoins(joins: readonly Change[]): Promise<void>;
  /**
   * Merges a pulled page and moves the cursor, in one write. `undefined`, and nothing is done, when another client of the
   * store has pulled meanwhile.
   */
  applyPage(page: Page): Promise<Applied | undefined>;
  /** Opens again what was sealed with epoch keys that have come since. */
  reopen(epochs: readonly number[]): Promise<ItemChange[]>;
  queue(): Promise<QueueEntry[]>;
  readQueued(counter: number): Promise<QueuedChange | undefined>;
  /** The push whose fate is not known. */
  findSending(): Promise<Batch | undefined>;
  /**
   * Notes what is about to be sent. From here on a newer edit of the same items does not take its place; where one has
   * already, it is left out. `undefined` when nothing remains.
   */
  startSending(counters: readonly number[]): Promise<Batch | undefined>;
  /** Takes settled changes out of the queue and notes refusals; the push with this key is over. In one write. */
  settle(key: string, outcome: Outcome): Promise<void>;
  readSync(): Promise<SyncRecord>;
  writeSync(change: SyncRecord): Promise<void>;
  /**
   * Makes the next pull begin anew, if `from` still is where it would go on. What it will not show was deleted, if the vault
   * had it; else it is sent again.
   */
  beginResync(from: Position, told: ToldOfResync): Promise<void>;
  /** After the last page of a resync: deletes what was deleted, and marks for sending what the vault has lost. */
  finishResync(at: Position): Promise<ItemChange[]>;
  /** Versions that the vault has lost. */
  resends(): Promise<ResendRecord[]>;
  /** What the vault has forgotten with a deletion goes here, too. Gives the items of which something is gone. */
  settleResends(results: readonly SettledResend[]): Promise<ItemChange[]>;
  /** Writes anew what the server refused because it came too late. Says whether anything was. */
  renewRefused(): Promise<boolean>;
  /**
   * The vault has seen more of this device than `sentCounter`, which this store had said it sent: it is a copy of another
   * one, unless a client that shares it has sent more meanwhile.
   */
  suspectCopy(sentCounter: number, vaultCounter: number | undefined): Promise<void>;
  /** True, and the suspicion is over, when all that the vault has of this device turned out to be of this very store. */
  knowItself(): Promise<boolean>;
  /** Makes this store another device of the account, with its queue as that device's edits, in one write. */
  succeed(next: MemberIdentity, writes: readonly StorageWrite[]): Promise<void>;
  /** Resolves when nothing is being written. */
  idle(): Promise<void>;
}

export function createVaultStore(given: Omit<StoreParts, 'queue'>): VaultStore {
  const { records, keyring } = given;
  const queue = createQueue(records);
  const parts = { ...given, queue };
  const shown: Shown = new Map();
  const reading = createReading(parts, shown);
  const editing = createEditing(parts, shown);
  const sealing = createSealing(parts);
  const resyncing = createResyncing(parts, sealing);
  const pages = createPages(parts, sealing, resyncing);
  const sending = createSending(parts);
  const succession = createSuccession(parts);

  return {
    write: (edits) => queue.exclusively(() => editing.write(edits)),
    applyPage: (page) => queue.exclusively(() => pages.apply(page)),
    reopen: (epochs) => queue.exclusively(() => pages.reopen(epochs)),
    startSending: (counters) => queue.exclusively(() => sending.start(counters)),
    settle: (key, outcome) => queue.exclusively(() => sending.settle(key, outcome)),
    find: (kind, id) => queue.exclusively(() => reading.find({ kind, id })),
    list: (kind) => queue.exclusively(() => reading.list(kind)),
    findMany: (refs) => queue.exclusively(() => reading.findMany(refs)),
    each: reading.each,
    async deriveId(name) {
      await requireMember(records);
      const key = await keyring.find(firstEpoch);
      if (key === undefined) {
        throw new AlcoveError('keys.missing', "This device does not hold the account's first key yet.");
      }
      return deriveId(key, name);
    },
    conflicts: () => queue.exclusively(reading.conflicts),
    joins: async () => (await records.scan(recordKeys.joins)).flat(),
    forgetJoins: (joins) => queue.exclusively(() => forgetJoins(parts, joins)),
    queue: () => queue.exclusively(async () => [...(await queue.entries()).values()]),
    readQueued: (counter) => records.read(recordKeys.queued(counter)),
    findSending: sending.find,
    readSync: () => readSync(records),
    writeSync: (change) =>
      queue.exclusively(async () => {
        await queue.write([put(recordKeys.sync, { ...(await readSync(records)), ...change })]);
      }),
    beginResync: (from, told) => queue.exclusively(() => resyncing.begin(from, told)),
    finishResync: (at) => queue.exclusively(() => resyncing.finish(at)),
    resends: () => records.scan(recordKeys.resends),
    settleResends: (results) => queue.exclusively(() => resyncing.settleResends(results)),
    renewRefused: () => queue.exclusively(succession.renewRefused),
    suspectCopy: (sent, vault) => queue.exclusively(() => succession.suspectCopy(sent, vault)),
    knowItself: () => queue.exclusively(succession.knowItself),
    succeed: (next, writes) => queue.exclusively(() => succession.succeed(next, writes)),
    idle: () => queue.exclusively(async () => undefined),
  };
}

/** A join that was made since stays, for the vault has not been told of it. */
async function forgetJoins({ records, queue }: StoreParts, joins: readonly Change[]): Promise<void> {
  const told = new Set(joins.map((join) => JSON.stringify(join)));
  const writes: StorageWrite[] = [];
  for (const { kind, id } of joins) {
    const key = recordKeys.join(kind, id);
    const stored = (await records.read(key)) ?? [];
    if (stored.every((join) => told.has(JSON.stringify(join)))) writes.push(remove(key));
  }
  await queue.write(writes);
}
