/** The vault on this device: items in plaintext, the queue of sealed changes, and every step between them in one write. */
import type { Change, ChangeOut, Kind, Version } from '@alcove/contract';
import { compareClocks, counterOf, mergeClocks, tickClock, type VectorClock } from '@alcove/contract/clock';
import { type Conflict, isInConflict, isNews, joinEqual, toConflict } from './conflicts.ts';
import { deriveId } from './crypto/ids.ts';
import {
  type Edit,
  openValue,
  type PlannedEdit,
  planEdit,
  type QueueRow,
  sealPlan,
  sealVersion,
  withEntry,
} from './edits.ts';
import { AlcoveError } from './errors.ts';
import {
  areSameVersions,
  baseAfterPull,
  baseOfEdit,
  hasPlaceFor,
  type ItemRef,
  itemKey,
  mergeVersions,
  type StoredItem,
  type StoredVersion,
  supersede,
  toVaultItem,
  type VaultItem,
} from './items.ts';
import type { Keyring } from './keyring.ts';
import { createQueue, type IsUnsynced, isOutOfDate, type QueueEntry } from './queue.ts';
import {
  type IdentityRecord,
  type MemberIdentity,
  put,
  type QueuedChange,
  type Records,
  type Refusal,
  type ResendRecord,
  type Resync,
  recordKeys,
  remove,
  requireIdentity,
  requireMember,
  type SendingRecord,
  type SyncRecord,
  type TickRecord,
} from './records.ts';
import { type NewStamp, restamp } from './restamp.ts';
import type { StorageWrite } from './storage/storage.ts';

const nothing = '';
/** How many items one write of a sweep takes. */
const sweepChunk = 200;
/** Ids outlive every later epoch, so they follow from the first. */
const firstEpoch = 1;
const kinds: readonly Kind[] = ['entry', 'memory', 'tag'];
/** What an id may begin with, in the order of their code units. */
const idLetters = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz';

/** What a write did to an item. */
export interface ItemChange extends ItemRef {
  /** Set when the write brought a version that stands beside another one, for a person to decide. */
  readonly newConflict?: Conflict;
}

/** Where the vault has an item; a server that does not say may have it nowhere. */
interface ItemPlace {
  readonly ref: ItemRef;
  readonly seq: number | undefined;
}

/** A push with its changes at hand. */
export interface Batch extends SendingRecord {
  readonly changes: readonly Change[];
}

/** What became of a queued change. */
export interface Settled {
  readonly counter: number;
  readonly rejected?: Refusal;
  /** Where the vault has the item now, of a change that was taken. */
  readonly seq?: number;
}

/** What became of a version that was sent again. */
export type SettledResend = ResendRecord & Pick<Settled, 'seq'>;

export interface VaultStore {
  /** Seals and stores edits, all in one write. */
  write(edits: readonly Edit[]): Promise<ItemChange[]>;
  find(kind: Kind, id: string): Promise<VaultItem | undefined>;
  list(kind?: Kind): Promise<VaultItem[]>;
  /** Reads without taking it for shown to the user: for programs. */
  findMany(refs: readonly { kind: Kind; id: string }[]): Promise<(VaultItem | undefined)[]>;
  /** All items, or those of one kind, a part at a time, and read as by `findMany`. */
  each(kind?: Kind): AsyncIterable<VaultItem>;
  /** Throws `keys.missing`. */
  deriveId(name: string): Promise<string>;
  /** The entries that are in conflict now. */
  conflicts(): Promise<Conflict[]>;
  /** Joined versions that the vault has not been told of. */
  joins(): Promise<Change[]>;
  forgetJoins(joins: readonly Change[]): Promise<void>;
  /** Merges a pulled page and moves the cursor, in one write. Says what changed, and which epoch keys it lacks. */
  applyPage(
    changes: readonly ChangeOut[],
    sync: SyncRecord,
  ): Promise<{ changed: ItemChange[]; missing: number[] }>;
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
  /** Takes settled changes out of the queue and notes refusals; the push is over. In one write. */
  settle(results: readonly Settled[], sync: SyncRecord): Promise<void>;
  readSync(): Promise<SyncRecord>;
  writeSync(change: SyncRecord): Promise<void>;
  /** Makes the next pull begin anew. What it will not show was deleted, if the vault had it; else it is sent again. */
  beginResync(knownUpToSeq: number): Promise<void>;
  /** After the last page of a resync: deletes what was deleted, and marks for sending what the vault has lost. */
  finishResync(): Promise<ItemChange[]>;
  /** Versions that the vault has lost. */
  resends(): Promise<ResendRecord[]>;
  settleResends(results: readonly SettledResend[]): Promise<void>;
  /** Writes anew what the server refused because it came too late. Says whether anything was. */
  renewRefused(): Promise<boolean>;
  /** True, and the suspicion is over, when all that the vault has of this device turned out to be of this very store. */
  knowItself(): Promise<boolean>;
  /** Makes this store another device of the account, with its queue as that device's edits, in one write. */
  succeed(next: MemberIdentity, writes: readonly StorageWrite[]): Promise<void>;
  /** Resolves when nothing is being written. */
  idle(): Promise<void>;
}

export interface VaultStoreParts {
  readonly records: Records;
  readonly keyring: Keyring;
  readonly now: () => number;
}

export function createVaultStore({ records, keyring, now }: VaultStoreParts): VaultStore {
  /** Which siblings and unreadable versions the app was shown: only then may its next edit supersede them. */
  const shown = new Map<string, VectorClock>();
  const queue = createQueue(records);

  const readItem = ({ kind, id }: ItemRef) => records.read(recordKeys.item(kind, id));
  const readSync = async () => (await records.read(recordKeys.sync)) ?? {};

  async function write(edits: readonly Edit[]): Promise<ItemChange[]> {
    const identity = await requireMember(records);
    const epochKey = await keyring.current();
    const isQueuedIn = await queue.unsyncedBy(identity.deviceId);
    const draft = new Map<string, StoredItem>();
    const planned = new Map<StoredVersion, PlannedEdit>();
    let tick = (await records.read(recordKeys.tick)) ?? { counter: 0 };
    for (const edit of edits) {
      const before = draft.get(itemKey(edit)) ?? (await readItem(edit));
      const known = before?.versions ?? [];
      const isUnsynced: IsUnsynced = (version) => planned.has(version) || isQueuedIn(edit)(version);
      const plan = planEdit(edit, known, {
        identity,
        epoch: epochKey.epoch,
        tick,
        nowMs: now(),
        shown: shown.get(itemKey(edit)),
        waiting: await basesOf(known.filter(isUnsynced), planned, identity),
      });
      tick = { counter: plan.counter, time: plan.version.time };
      const versions = supersede(known, plan.version);
      const { kind, id } = edit;
      draft.set(itemKey(edit), { ...before, kind, id, versions, ...baseOfEdit(before, isUnsynced) });
      planned.set(plan.version, plan);
    }
    const plans = [...planned.values()];
    const rows = await Promise.all(plans.map((plan) => sealPlan(plan, identity.accountId, epochKey)));
    await store(draft, lastOfEach(rows), tick);
    for (const key of draft.keys()) shown.delete(key);
    return [...draft.values()].map(({ kind, id }) => ({ kind, id }));
  }

  /** Versions that still wait, each with what it was based on. */
  async function basesOf(
    own: readonly StoredVersion[],
    planned: ReadonlyMap<StoredVersion, PlannedEdit>,
    { deviceId }: IdentityRecord,
  ): Promise<Map<StoredVersion, VectorClock>> {
    const bases = new Map<StoredVersion, VectorClock>();
    for (const version of own) {
      const queued = await records.read(recordKeys.queued(counterOf(version.clock, deviceId)));
      bases.set(version, planned.get(version)?.base ?? queued?.base ?? {});
    }
    return bases;
  }

  /** A newer edit of an item takes the place of the one that still waited, unless that one may be under way. */
  async function store(draft: Map<string, StoredItem>, rows: readonly QueueRow[], tick: TickRecord) {
    const sent = new Set((await records.read(recordKeys.sending))?.counters);
    const waiting = [...(await queue.entries()).values()];
    const removed = waiting
      .filter((entry) => draft.has(itemKey(entry)) && !sent.has(entry.counter))
      .map(({ counter }) => counter);
    const writes = [
      ...removed.map((counter) => remove(recordKeys.queued(counter))),
      ...rows.map(({ counter, ...row }) => put(recordKeys.queued(counter), row)),
      ...[...draft.values()].flatMap(itemWrites),
      put(recordKeys.tick, tick),
    ];
    const added = rows.map(({ counter, change: { kind, id } }) => ({ counter, kind, id }));
    await queue.commit(writes, { removed, put: added });
  }

  async function toShown(item: StoredItem | undefined): Promise<VaultItem | undefined> {
    if (item === undefined) return undefined;
    const { deviceId } = await requireIdentity(records);
    const isPlain = item.versions.length === 1 && item.versions[0].unopened === undefined;
    if (!isPlain) shown.set(itemKey(item), mergeClocks(...item.versions.map(({ clock }) => clock)));
    return toVaultItem(item, (await queue.unsyncedBy(deviceId))(item));
  }

  async function toRead(items: readonly (StoredItem | undefined)[]): Promise<(VaultItem | undefined)[]> {
    const { deviceId } = await requireIdentity(records);
    const unsyncedIn = await queue.unsyncedBy(deviceId);
    return items.map((item) => (item === undefined ? undefined : toVaultItem(item, unsyncedIn(item))));
  }

  /** Ids that begin alike are read together, so that no more of a large vault is in memory at once. */
  async function* each(only?: Kind): AsyncGenerator<VaultItem, void> {
    for (const kind of only === undefined ? kinds : [only]) {
      for (const letter of idLetters) {
        const part = await queue.exclusively(async () =>
          toRead(await records.scan(recordKeys.items(kind, letter))),
        );
        yield* part.filter((item) => item !== undefined);
      }
    }
  }

  async function applyPage(changes: readonly ChangeOut[], sync: SyncRecord) {
    const identity = await requireIdentity(records);
    const arrived = await findArrived(changes);
    const counters = new Set(arrived.map(({ counter }) => counter));
    const unsyncedIn = await queue.unsyncedBy(identity.deviceId);
    const merged = await Promise.all(
      changes.map(async (change) => {
        // What has arrived leads no more because it is this device's own: others see it where the vault has it.
        const isWaiting = unsyncedIn(change);
        const isUnsynced = (version: StoredVersion) =>
          isWaiting(version) && !counters.has(counterOf(version.clock, identity.deviceId));
        const before = await readItem(change);
        const known = before?.versions ?? [];
        const pulled = await openAll(change, known, isUnsynced, identity);
        const all = mergeVersions(known, pulled, isUnsynced);
        const lost = isBeyond(sync.resync, before)
          ? all.filter((v) => !isAmong(pulled, v) && !isUnsynced(v))
          : [];
        const versions = joinEqual(change.kind, all, isUnsynced);
        return { change, before, known, all, lost, versions, ...settledBy(change, versions) };
      }),
    );
    const writes: StorageWrite[] = [];
    const changed: ItemChange[] = [];
    for (const { change, before, known, all, lost, versions, settled } of merged) {
      if (!hasPlaceFor(versions)) continue;
      const { kind, id, seq } = change;
      const isSame = areSameVersions(known, versions);
      const base = baseAfterPull(before ?? {}, versions, identity.deviceId);
      const place = { seq, ...(sync.resync === undefined ? {} : { shownIn: sync.resync.stamp }) };
      const order = settled === undefined ? {} : { settled };
      const item: StoredItem = { kind, id, versions, ...base, ...place, ...order };
      if (isSame && isPlaced(before, place)) continue;
      writes.push(...itemWrites(item), ...(await resendWrites(item, lost, identity)));
      if (isSame) continue;
      writes.push(...(await joinWrites(item, all, identity)));
      changed.push(toItemChange(item, known, identity));
    }
    writes.push(put(recordKeys.sync, sync));
    if (arrived.length === 0) await records.write(writes);
    else {
      writes.push(...(await arrivalWrites(arrived, identity)));
      await queue.commit(writes, { removed: arrived.map(({ counter }) => counter), put: [] });
    }
    return { changed, missing: missingEpochs(merged.flatMap(({ versions }) => versions)) };
  }

  /** Of a push whose answer was lost: what the vault shows just as it was sent. */
  async function findArrived(shown: readonly ChangeOut[]): Promise<QueueEntry[]> {
    const { counters = [] } = (await records.read(recordKeys.sending)) ?? {};
    const waiting = await queue.entries();
    const arrived: QueueEntry[] = [];
    for (const counter of counters) {
      const entry = waiting.get(counter);
      const queued = await records.read(recordKeys.queued(counter));
      if (entry === undefined || queued === undefined) continue;
      const found = shown.find((change) => itemKey(change) === itemKey(entry));
      const versions = found === undefined ? [] : versionsOf(found);
      if (versions.some((version) => isCopyOf(version, queued.change))) arrived.push(entry);
    }
    return arrived;
  }

  /** They leave the queue, and a newer edit of the same item has seen them in the vault. */
  async function arrivalWrites(
    arrived: readonly QueueEntry[],
    { deviceId }: IdentityRecord,
  ): Promise<StorageWrite[]> {
    const writes: StorageWrite[] = [];
    for (const entry of (await queue.entries()).values()) {
      const seen = arrived.find(
        (older) => older.counter < entry.counter && itemKey(older) === itemKey(entry),
      );
      const key = recordKeys.queued(entry.counter);
      const queued = seen === undefined ? undefined : await records.read(key);
      if (seen === undefined || queued === undefined) continue;
      writes.push(put(key, { ...queued, base: withEntry(queued.base ?? {}, deviceId, seen.counter) }));
    }
    return [...writes, ...arrived.map(({ counter }) => remove(recordKeys.queued(counter)))];
  }

  /**
   * The vault takes a version from a device that its clock names, and every one of them that joined it seals the very
   * same one.
   */
  async function joinWrites(
    { kind, id, versions }: StoredItem,
    all: readonly StoredVersion[],
    identity: IdentityRecord,
  ): Promise<StorageWrite[]> {
    const joined = versions.filter(
      (version) => !all.includes(version) && counterOf(version.clock, identity.deviceId) > 0,
    );
    const changes = await sealAgain({ kind, id }, joined, identity);
    // Whoever tells the vault of a join is as much its author as the others.
    const own = changes.map(({ deviceId: _author, ...change }) => change);
    return own.length === 0 ? [] : [put(recordKeys.join(kind, id), own)];
  }

  async function resendWrites(
    item: ItemRef,
    lost: readonly StoredVersion[],
    identity: IdentityRecord,
  ): Promise<StorageWrite[]> {
    const changes = await sealAgain(item, lost, identity);
    return changes.map((change) => put(recordKeys.resend(change), { change }));
  }

  async function sealAgain(
    item: ItemRef,
    versions: readonly StoredVersion[],
    { accountId }: IdentityRecord,
  ): Promise<Change[]> {
    return Promise.all(versions.map((version) => sealVersion(item, version, accountId, keyring.find)));
  }

  async function openAll(
    change: ChangeOut,
    known: readonly StoredVersion[],
    isUnsynced: IsUnsynced,
    identity: IdentityRecord,
  ) {
    // Under the clock of what still waits here, a copy of this store may have written something else.
    const opened = known.filter((version) => !isUnsynced(version));
    return Promise.all(versionsOf(change).map((version) => openVersion(change, version, opened, identity)));
  }

  /** A version that is known already is not opened again. */
  async function openVersion(
    { kind, id }: ItemRef,
    version: Version,
    known: readonly StoredVersion[],
    identity: IdentityRecord,
  ): Promise<StoredVersion> {
    const { clock, time, deviceId, epoch, meta, deleted, payload = nothing } = version;
    const head = { clock, time, deviceId, epoch, deleted, ...(meta === undefined ? {} : { meta }) };
    if (deleted) return head;
    const old = known.find((candidate) => isOpenCopy(candidate, clock));
    if (old !== undefined) return { ...head, value: old.value };
    const key = await keyring.find(epoch);
    if (key === undefined) return { ...head, unopened: { code: 'keys.missing', payload } };
    const value = await openValue(key, { account: identity.accountId, kind, id, epoch, clock }, payload);
    return value === undefined
      ? { ...head, unopened: { code: 'vault.unreadable', payload } }
      : { ...head, value: value.json };
  }

  async function reopen(epochs: readonly number[]): Promise<ItemChange[]> {
    const identity = await requireIdentity(records);
    const unsyncedIn = await queue.unsyncedBy(identity.deviceId);
    const writes: StorageWrite[] = [];
    const changed: ItemChange[] = [];
    for (const before of await records.scan(recordKeys.items())) {
      if (!before.versions.some(({ epoch, unopened }) => unopened !== undefined && epochs.includes(epoch)))
        continue;
      const opened = await Promise.all(
        before.versions.map((version) => {
          const { unopened, ...rest } = version;
          return unopened === undefined
            ? version
            : openVersion(before, { ...rest, payload: unopened.payload }, [], identity);
        }),
      );
      const isUnsynced = unsyncedIn(before);
      const all = mergeVersions(opened, [], isUnsynced);
      const versions = joinEqual(before.kind, all, isUnsynced);
      if (!hasPlaceFor(versions)) continue;
      const item = { ...before, versions };
      writes.push(...itemWrites(item), ...(await joinWrites(item, all, identity)));
      // Readable only now, so a conflict is told of as if it were new.
      changed.push(toItemChange(item, [], identity));
    }
    await records.write(writes);
    return changed;
  }

  async function conflicts(): Promise<Conflict[]> {
    const { deviceId } = await requireIdentity(records);
    const found = (await records.scan(recordKeys.conflicts)).map(async (ref) => {
      const item = await readItem(ref);
      return item === undefined ? undefined : toConflict(item, deviceId);
    });
    return (await Promise.all(found)).filter((conflict) => conflict !== undefined);
  }

  async function readBatch(sending: SendingRecord): Promise<Batch> {
    const rows = await Promise.all(
      sending.counters.map((counter) => records.read(recordKeys.queued(counter))),
    );
    return { ...sending, changes: rows.flatMap((row) => (row === undefined ? [] : [row.change])) };
  }

  async function startSending(counters: readonly number[]): Promise<Batch | undefined> {
    const entries = await queue.entries();
    const sending = {
      key: crypto.randomUUID(),
      counters: counters.filter((counter) => entries.has(counter)),
    };
    if (sending.counters.length === 0) return undefined;
    await records.write([put(recordKeys.sending, sending)]);
    return readBatch(sending);
  }

  async function settle(results: readonly Settled[], sync: SyncRecord): Promise<void> {
    const entries = await queue.entries();
    const newest = newestCounters(entries);
    const removed: number[] = [];
    const refused: QueueEntry[] = [];
    const taken: ItemPlace[] = [];
    for (const { counter, rejected, seq } of results) {
      const entry = entries.get(counter);
      if (entry === undefined) continue;
      if (rejected === undefined) taken.push({ ref: entry, seq });
      // A newer edit of the item has seen the refused one, and says more.
      if (rejected === undefined || newest.get(itemKey(entry)) !== counter) removed.push(counter);
      else refused.push({ ...entry, rejected });
    }
    const writes = [
      ...removed.map((counter) => remove(recordKeys.queued(counter))),
      ...(await Promise.all(refused.map(refusalWrite))),
      ...(await placeWrites(taken)),
      put(recordKeys.sync, { ...(await readSync()), ...sync }),
      remove(recordKeys.sending),
    ];
    await queue.commit(writes, { removed, put: refused });
  }

  /** A vault that is put back to before this place has lost what was sent, though no pull has shown it here yet. */
  async function placeWrites(taken: readonly ItemPlace[]): Promise<StorageWrite[]> {
    const items = await Promise.all(taken.map(({ ref }) => readItem(ref)));
    return items.flatMap((item, at) => {
      if (item === undefined) return [];
      const { seq: _before, ...rest } = item;
      const seq = taken[at]?.seq;
      return [put(recordKeys.item(item.kind, item.id), { ...rest, ...(seq === undefined ? {} : { seq }) })];
    });
  }

  async function refusalWrite({ counter, rejected }: QueueEntry): Promise<StorageWrite> {
    const queued = await records.read(recordKeys.queued(counter));
    if (queued === undefined) throw new Error(`change ${counter} is in the queue and is not stored`);
    return put(recordKeys.queued(counter), { ...queued, ...(rejected === undefined ? {} : { rejected }) });
  }

  /** Edits that came too late, as later ones under the current key. The server may hold the old ones: it sees these as newer. */
  async function renewRefused(): Promise<boolean> {
    const identity = await requireMember(records);
    const epochKey = await keyring.current();
    const rows = await records.scan(recordKeys.queue);
    const late = rows.filter(isOutOfDate);
    const tick = (await records.read(recordKeys.tick)) ?? { counter: 0 };
    const { deviceId } = identity;
    const stamps = late.map((queued, at) => {
      const counter = tick.counter + at + 1;
      return {
        queued,
        deviceId,
        counter,
        clock: tickClock(queued.change.clock, deviceId, counter),
        epochKey,
      };
    });
    await restampAll(stamps, identity, [
      put(recordKeys.tick, { ...tick, counter: tick.counter + stamps.length }),
    ]);
    return stamps.length > 0;
  }

  /** The pull has shown the push whose answer was lost, and nothing beyond it. */
  async function knowItself(): Promise<boolean> {
    const sending = await records.read(recordKeys.sending);
    const { cloned: _cloned, vaultCounter = Number.POSITIVE_INFINITY, ...sync } = await readSync();
    const sentCounter = Math.max(0, ...(sending?.counters ?? []));
    const waiting = await queue.entries();
    if (vaultCounter > sentCounter || sending?.counters.some((counter) => waiting.has(counter))) return false;
    await records.write([put(recordKeys.sync, { ...sync, sentCounter }), remove(recordKeys.sending)]);
    return true;
  }

  /** Makes the queue that of another device: what it sent before counts for nothing, and what it had seen stays seen. */
  async function succeed(next: MemberIdentity, writes: readonly StorageWrite[]): Promise<void> {
    const former = await requireMember(records);
    const epochKey = await keyring.current();
    const rows = await records.scan(recordKeys.queue);
    const newest = new Map(rows.map((row) => [itemKey(row.change), row]));
    const { deviceId } = next;
    const stamps = [...newest.values()].map((queued, at) => {
      const base = queued.base ?? withEntry(queued.change.clock, former.deviceId, 0);
      return { queued, deviceId, counter: at + 1, clock: tickClock(base, deviceId, at + 1), epochKey };
    });
    const { cloned: _over, vaultCounter: _far, ...sync } = await readSync();
    const { time } = (await records.read(recordKeys.tick)) ?? {};
    await restampAll(stamps, former, [
      ...rows.map(({ change }) => remove(recordKeys.queued(counterOf(change.clock, former.deviceId)))),
      remove(recordKeys.sending),
      put(recordKeys.sync, { ...sync, sentCounter: 0 }),
      put(recordKeys.tick, { counter: stamps.length, ...(time === undefined ? {} : { time }) }),
      ...writes,
    ]);
  }

  async function restampAll(
    stamps: readonly (NewStamp & { readonly queued: QueuedChange })[],
    { accountId, deviceId }: IdentityRecord,
    writes: readonly StorageWrite[],
  ): Promise<void> {
    const parts = { accountId, deviceId, keyring, readItem };
    const made = await Promise.all(stamps.map(({ queued, ...stamp }) => restamp(queued, stamp, parts)));
    const old = stamps.map(({ queued }) => counterOf(queued.change.clock, deviceId));
    await queue.commit([
      ...old.map((counter) => remove(recordKeys.queued(counter))),
      ...writes,
      ...made.map(({ row: { counter, ...row } }) => put(recordKeys.queued(counter), row)),
      ...made.flatMap(({ item }) => itemWrites(item)),
    ]);
  }

  async function beginResync(knownUpToSeq: number): Promise<void> {
    const { cursor: _lost, resync, ...rest } = await readSync();
    // What an unfinished one has not shown yet was stored in the history before it.
    const known = Math.min(knownUpToSeq, resync?.knownUpToSeq ?? knownUpToSeq);
    const next = { stamp: crypto.randomUUID(), knownUpToSeq: known };
    await records.write([put(recordKeys.sync, { ...rest, resync: next })]);
  }

  async function finishResync(): Promise<ItemChange[]> {
    const { resync, ...rest } = await readSync();
    if (resync === undefined) return [];
    const identity = await requireIdentity(records);
    const unsyncedIn = await queue.unsyncedBy(identity.deviceId);
    const items = await records.scan(recordKeys.items());
    const unseen = items.filter(({ shownIn }) => shownIn !== resync.stamp);
    const changed: ItemChange[] = [];
    for (let at = 0; at < unseen.length; at += sweepChunk) {
      const chunk = unseen.slice(at, at + sweepChunk);
      const swept = await Promise.all(chunk.map((item) => sweep(item, resync, unsyncedIn(item), identity)));
      await records.write(swept.flatMap(({ writes }) => writes));
      changed.push(...swept.flatMap(({ deleted }) => (deleted === undefined ? [] : [deleted])));
    }
    await records.write([put(recordKeys.sync, rest)]);
    return changed;
  }

  /** Of an item that a pull of everything has not shown. What waits to be sent stays in any case. */
  async function sweep(
    item: StoredItem,
    resync: Resync,
    isUnsynced: IsUnsynced,
    identity: IdentityRecord,
  ): Promise<{ writes: StorageWrite[]; deleted?: ItemChange }> {
    const { kind, id } = item;
    const waiting = item.versions.filter(isUnsynced);
    const settled = item.versions.filter((version) => !isUnsynced(version));
    if (settled.length === 0) return { writes: [] };
    if (isBeyond(resync, item)) return { writes: await resendWrites(item, settled, identity) };
    if (hasPlaceFor(waiting))
      return { writes: itemWrites({ ...item, versions: waiting }), deleted: { kind, id } };
    const writes = [remove(recordKeys.item(kind, id)), remove(recordKeys.conflict(kind, id))];
    return { writes, ...(settled.every(({ deleted }) => deleted) ? {} : { deleted: { kind, id } }) };
  }

  async function settleResends(results: readonly SettledResend[]): Promise<void> {
    const taken = results.filter(({ rejected }) => rejected === undefined);
    await records.write([
      ...results.map(({ change, rejected }) => {
        const key = recordKeys.resend(change);
        return rejected === undefined ? remove(key) : put(key, { change, rejected });
      }),
      ...(await placeWrites(taken.map(({ change, seq }) => ({ ref: change, seq })))),
    ]);
  }

  return {
    write: (edits) => queue.exclusively(() => write(edits)),
    applyPage: (changes, sync) => queue.exclusively(() => applyPage(changes, sync)),
    reopen: (epochs) => queue.exclusively(() => reopen(epochs)),
    startSending: (counters) => queue.exclusively(() => startSending(counters)),
    settle: (results, sync) => queue.exclusively(() => settle(results, sync)),
    find: (kind, id) => queue.exclusively(async () => toShown(await readItem({ kind, id }))),
    list: (kind) =>
      queue.exclusively(async () => {
        const items = await Promise.all((await records.scan(recordKeys.items(kind))).map(toShown));
        return items.filter((item) => item !== undefined);
      }),
    findMany: (refs) =>
      queue.exclusively(async () =>
        toRead(await Promise.all(refs.map(({ kind, id }) => records.read(recordKeys.item(kind, id))))),
      ),
    each,
    async deriveId(name) {
      await requireMember(records);
      const key = await keyring.find(firstEpoch);
      if (key === undefined) {
        throw new AlcoveError('keys.missing', "This device does not hold the account's first key yet.");
      }
      return deriveId(key, name);
    },
    conflicts: () => queue.exclusively(conflicts),
    joins: async () => (await records.scan(recordKeys.joins)).flat(),
    forgetJoins: (joins) => records.write(joins.map(({ kind, id }) => remove(recordKeys.join(kind, id)))),
    queue: () => queue.exclusively(async () => [...(await queue.entries()).values()]),
    readQueued: (counter) => records.read(recordKeys.queued(counter)),
    findSending: async () => {
      const sending = await records.read(recordKeys.sending);
      return sending === undefined ? undefined : readBatch(sending);
    },
    readSync,
    writeSync: (change) =>
      queue.exclusively(async () => {
        await records.write([put(recordKeys.sync, { ...(await readSync()), ...change })]);
      }),
    beginResync: (knownUpToSeq) => queue.exclusively(() => beginResync(knownUpToSeq)),
    finishResync: () => queue.exclusively(finishResync),
    resends: () => records.scan(recordKeys.resends),
    settleResends: (results) => queue.exclusively(() => settleResends(results)),
    renewRefused: () => queue.exclusively(renewRefused),
    knowItself: () => queue.exclusively(knowItself),
    succeed: (next, writes) => queue.exclusively(() => succeed(next, writes)),
    idle: () => queue.exclusively(async () => undefined),
  };
}

function itemWrites(item: StoredItem): StorageWrite[] {
  const { kind, id } = item;
  const stored = put(recordKeys.item(kind, id), item);
  if (kind !== 'entry') return [stored];
  const conflict = recordKeys.conflict(kind, id);
  return [stored, isInConflict(item) ? put(conflict, { kind, id }) : remove(conflict)];
}

function toItemChange(
  item: StoredItem,
  known: readonly StoredVersion[],
  { deviceId }: IdentityRecord,
): ItemChange {
  const { kind, id } = item;
  const newConflict = isNews(item, known) ? toConflict(item, deviceId) : undefined;
  return { kind, id, ...(newConflict === undefined ? {} : { newConflict }) };
}

/** True when the vault may have lost what this device has of the item. */
function isBeyond(resync: Resync | undefined, item: StoredItem | undefined): boolean {
  if (resync === undefined || item === undefined) return false;
  return item.seq === undefined || item.seq > resync.knownUpToSeq;
}

/** The vault names no conflict for versions that it shows, where the last writer leads. */
function settledBy(
  { siblings = [], conflictId }: ChangeOut,
  versions: readonly StoredVersion[],
): Pick<StoredItem, 'settled'> {
  const isShown = versions.length === siblings.length + 1;
  return siblings.length > 0 && conflictId === undefined && isShown ? { settled: true } : {};
}

function isPlaced(before: StoredItem | undefined, { seq, shownIn }: Pick<StoredItem, 'seq' | 'shownIn'>) {
  return before?.seq === seq && (shownIn === undefined || before?.shownIn === shownIn);
}

function isAmong(versions: readonly StoredVersion[], { clock }: StoredVersion): boolean {
  return versions.some((version) => compareClocks(version.clock, clock) === 'equal');
}

/** When one call edits an item several times, only the last edit travels. */
function lastOfEach(rows: readonly QueueRow[]): QueueRow[] {
  const last = new Map(rows.map((row) => [itemKey(row.change), row]));
  return [...last.values()];
}

/** The counter of the newest queued change of each item. */
function newestCounters(entries: ReadonlyMap<number, QueueEntry>): Map<string, number> {
  const ascending = [...entries.values()].toSorted((a, b) => a.counter - b.counter);
  return new Map(ascending.map((entry) => [itemKey(entry), entry.counter]));
}

function versionsOf(change: ChangeOut): Version[] {
  return [change, ...(change.siblings ?? [])];
}

/** What is sealed alike says alike, and nobody else could have sealed it. */
function isCopyOf(version: Version, { clock, op, payload }: Change): boolean {
  return (
    compareClocks(version.clock, clock) === 'equal' &&
    version.deleted === (op === 'delete') &&
    version.payload === payload
  );
}

function isOpenCopy(version: StoredVersion, clock: VectorClock): boolean {
  return (
    version.unopened === undefined && !version.deleted && compareClocks(version.clock, clock) === 'equal'
  );
}

function missingEpochs(versions: readonly StoredVersion[]): number[] {
  const missing = versions.filter(({ unopened }) => unopened?.code === 'keys.missing');
  return [...new Set(missing.map(({ epoch }) => epoch))];
}
