/** The vault on this device: items in plaintext, the queue of sealed changes, and every step between them in one write. */
import type { Change, ChangeOut, Kind, Meta, Version } from '@alcove/contract';
import { compareClocks, counterOf, mergeClocks, tickClock, type VectorClock } from '@alcove/contract/clock';
import { nextHybridTime } from '@alcove/contract/hybrid-time';
import { syncLimits } from '@alcove/contract/limits';
import { type Conflict, isInConflict, isNews, joinEqual, toConflict } from './conflicts.ts';
import { open, seal } from './crypto/envelope.ts';
import { AlcoveError } from './errors.ts';
import {
  areSameVersions,
  baseAfterPull,
  baseOfEdit,
  hasPlaceFor,
  latestTime,
  mergeVersions,
  type StoredItem,
  type StoredVersion,
  supersede,
  toVaultItem,
  type VaultItem,
  versionToClock,
} from './items.ts';
import type { EpochKey, Keyring } from './keyring.ts';
import {
  type IdentityRecord,
  put,
  type QueuedChange,
  type Records,
  recordKeys,
  remove,
  requireIdentity,
  requireMember,
  type SyncRecord,
  type TickRecord,
} from './records.ts';
import type { StorageWrite } from './storage/storage.ts';

const utf8 = new TextEncoder();
const nothing = '';

/** One edit of this device. */
export interface Edit {
  readonly kind: Kind;
  readonly id: string;
  /** JSON text of the value; absent in a delete. */
  readonly text?: string;
  readonly meta?: Meta;
  /** `version` of the item that the edit was made on. */
  readonly basedOn?: string;
}

/** What a write did to an item. */
export interface ItemChange {
  readonly kind: Kind;
  readonly id: string;
  /** Set when the write brought a version that stands beside another one, for a person to decide. */
  readonly newConflict?: Conflict;
}

/** A queued change without its payload. */
export interface QueueEntry {
  readonly counter: number;
  readonly kind: Kind;
  readonly id: string;
  readonly rejected?: { readonly code: string; readonly detail: string };
}

export interface VaultStore {
  /** Seals and stores edits, all in one write. */
  write(edits: readonly Edit[]): Promise<ItemChange[]>;
  find(kind: Kind, id: string): Promise<VaultItem | undefined>;
  list(kind?: Kind): Promise<VaultItem[]>;
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
  /** Takes settled changes out of the queue and notes refusals, in one write. Replaced changes are left alone. */
  settle(results: readonly { counter: number; rejected?: { code: string; detail: string } }[]): Promise<void>;
  readSync(): Promise<SyncRecord>;
  writeSync(change: SyncRecord): Promise<void>;
  /** Makes the next pull begin anew. Items and queue stay. */
  forgetCursor(): Promise<void>;
  /** The highest counter this device has given out. */
  counter(): Promise<number>;
  /** Resolves when nothing is being written. */
  idle(): Promise<void>;
}

export interface VaultStoreParts {
  readonly records: Records;
  readonly keyring: Keyring;
  readonly now: () => number;
}

/** An edit with everything decided but its ciphertext. */
interface PlannedEdit {
  readonly edit: Edit;
  readonly version: StoredVersion;
  readonly counter: number;
}

export function createVaultStore({ records, keyring, now }: VaultStoreParts): VaultStore {
  /** Which siblings and unreadable versions the app was shown: only then may its next edit supersede them. */
  const shown = new Map<string, VectorClock>();
  let index: Map<number, QueueEntry> | undefined;
  /** The queue's stamp that `index` belongs to. */
  let indexStamp: string | undefined;

  /** One step at a time, of all clients that share the store; what is remembered of the queue may be another's past. */
  function exclusively<T>(work: () => Promise<T>): Promise<T> {
    return records.withLock('vault', async () => {
      const stamp = await records.read(recordKeys.queueStamp);
      if (stamp !== indexStamp) index = undefined;
      indexStamp = stamp;
      return work();
    });
  }

  async function queueIndex(): Promise<Map<number, QueueEntry>> {
    index ??= await readQueue(records);
    return index;
  }

  /** Writes, and forgets what is remembered of the queue when nobody can say whether the write happened. */
  async function commit(writes: readonly StorageWrite[], remember: (queue: Map<number, QueueEntry>) => void) {
    const stamp = crypto.randomUUID();
    try {
      await records.write([...writes, put(recordKeys.queueStamp, stamp)]);
      indexStamp = stamp;
      remember(await queueIndex());
    } catch (error) {
      index = undefined;
      throw error;
    }
  }

  async function unsyncedBy(deviceId: string) {
    const queue = await queueIndex();
    return (version: StoredVersion) =>
      version.deviceId === deviceId && queue.has(counterOf(version.clock, deviceId));
  }

  async function write(edits: readonly Edit[]): Promise<ItemChange[]> {
    const identity = await requireMember(records);
    const epochKey = await keyring.current();
    const draft = new Map<string, StoredItem>();
    const plans: PlannedEdit[] = [];
    const first = (await records.read(recordKeys.tick)) ?? { counter: 0 };
    const isQueued = await unsyncedBy(identity.deviceId);
    const isUnsynced = (version: StoredVersion) =>
      isQueued(version) || counterOf(version.clock, identity.deviceId) > first.counter;
    let tick: TickRecord = first;
    for (const edit of edits) {
      const before = await findDrafted(draft, edit);
      const known = before?.versions ?? [];
      const own = known.filter(isUnsynced).map(({ clock }) => clock);
      const base = mergeClocks(baseClock(edit, known, shown.get(keyOf(edit))), ...own);
      const plan = planEdit(edit, known, { identity, epoch: epochKey.epoch, tick, base, nowMs: now() });
      tick = { counter: plan.counter, time: plan.version.time };
      draft.set(keyOf(edit), {
        kind: edit.kind,
        id: edit.id,
        versions: supersede(known, plan.version),
        ...baseOfEdit(before, isUnsynced),
      });
      plans.push(plan);
    }
    const queued = await Promise.all(plans.map((plan) => sealPlan(plan, identity, epochKey)));
    await store(draft, lastOfEach(plans, queued), tick);
    for (const key of draft.keys()) shown.delete(key);
    return [...draft.values()].map(({ kind, id }) => ({ kind, id }));
  }

  async function findDrafted(
    draft: Map<string, StoredItem>,
    { kind, id }: Edit,
  ): Promise<StoredItem | undefined> {
    return draft.get(keyOf({ kind, id })) ?? (await records.read(recordKeys.item(kind, id)));
  }

  /** An item has one queued change: a newer edit of it takes the place of the one that still waited. */
  async function store(draft: Map<string, StoredItem>, queued: readonly QueueRow[], tick: TickRecord) {
    const queue = await queueIndex();
    const replaced = [...queue.values()].filter((entry) => draft.has(keyOf(entry)));
    const writes = [
      ...replaced.map(({ counter }) => remove(recordKeys.queued(counter))),
      ...queued.map(({ counter, change }) => put(recordKeys.queued(counter), { change })),
      ...[...draft.values()].flatMap(itemWrites),
      put(recordKeys.tick, tick),
    ];
    await commit(writes, (entries) => {
      for (const { counter } of replaced) entries.delete(counter);
      for (const { counter, change } of queued) {
        entries.set(counter, { counter, kind: change.kind, id: change.id });
      }
    });
  }

  async function toShown(item: StoredItem | undefined): Promise<VaultItem | undefined> {
    if (item === undefined) return undefined;
    const { deviceId } = await requireIdentity(records);
    const isPlain = item.versions.length === 1 && item.versions[0].unopened === undefined;
    if (!isPlain) shown.set(keyOf(item), mergeClocks(...item.versions.map(({ clock }) => clock)));
    return toVaultItem(item, await unsyncedBy(deviceId));
  }

  async function applyPage(changes: readonly ChangeOut[], sync: SyncRecord) {
    const identity = await requireIdentity(records);
    const isUnsynced = await unsyncedBy(identity.deviceId);
    const merged = await Promise.all(
      changes.map(async (change) => {
        const before = await records.read(recordKeys.item(change.kind, change.id));
        const known = before?.versions ?? [];
        const pulled = await openAll(change, known, identity);
        const all = mergeVersions(known, pulled, isUnsynced);
        return { change, before, known, all, versions: joinEqual(change.kind, all, isUnsynced) };
      }),
    );
    const writes: StorageWrite[] = [];
    const changed: ItemChange[] = [];
    for (const { change, before, known, all, versions } of merged) {
      if (areSameVersions(known, versions) || !hasPlaceFor(versions)) continue;
      const { kind, id } = change;
      const base = baseAfterPull(before ?? {}, versions, identity.deviceId);
      const item: StoredItem = { kind, id, versions, ...base };
      writes.push(...itemWrites(item), ...(await joinWrites(item, all, identity)));
      changed.push(toItemChange(item, known, identity));
    }
    await records.write([...writes, put(recordKeys.sync, sync)]);
    return { changed, missing: missingEpochs(merged.flatMap(({ versions }) => versions)) };
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
    const changes = await Promise.all(
      joined.map(async ({ clock, time, epoch, value }) => {
        const key = await keyring.find(epoch);
        if (key === undefined)
          throw new Error(`a version was opened with epoch ${epoch}, whose key is not there`);
        const place = { account: identity.accountId, kind, id, epoch, clock };
        const payload = await seal(key, place, utf8.encode(JSON.stringify(value)));
        return { id, kind, op: 'put', clock, time, epoch, payload } satisfies Change;
      }),
    );
    return changes.length === 0 ? [] : [put(recordKeys.join(kind, id), changes)];
  }

  async function openAll(change: ChangeOut, known: readonly StoredVersion[], identity: IdentityRecord) {
    const versions: Version[] = [change, ...(change.siblings ?? [])];
    return Promise.all(versions.map((version) => openVersion(change, version, known, identity)));
  }

  /** A version that is known already is not opened again. */
  async function openVersion(
    place: { kind: Kind; id: string },
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
    const { kind, id } = place;
    const value = await openValue(key, { account: identity.accountId, kind, id, epoch, clock }, payload);
    return value === undefined
      ? { ...head, unopened: { code: 'vault.unreadable', payload } }
      : { ...head, value: value.json };
  }

  async function reopen(epochs: readonly number[]): Promise<ItemChange[]> {
    const identity = await requireIdentity(records);
    const isUnsynced = await unsyncedBy(identity.deviceId);
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
    const found = (await records.scan(recordKeys.conflicts)).map(async ({ kind, id }) => {
      const item = await records.read(recordKeys.item(kind, id));
      return item === undefined ? undefined : toConflict(item, deviceId);
    });
    return (await Promise.all(found)).filter((conflict) => conflict !== undefined);
  }

  async function settle(
    results: readonly { counter: number; rejected?: { code: string; detail: string } }[],
  ) {
    const queue = await queueIndex();
    const writes: StorageWrite[] = [];
    for (const { counter, rejected } of results) {
      const queued = queue.has(counter) ? await records.read(recordKeys.queued(counter)) : undefined;
      if (queued === undefined) continue;
      const key = recordKeys.queued(counter);
      writes.push(rejected === undefined ? remove(key) : put(key, { ...queued, rejected }));
    }
    await commit(writes, (entries) => {
      for (const { counter, rejected } of results) {
        const entry = entries.get(counter);
        if (rejected === undefined) entries.delete(counter);
        else if (entry !== undefined) entries.set(counter, { ...entry, rejected });
      }
    });
  }

  return {
    write: (edits) => exclusively(() => write(edits)),
    applyPage: (changes, sync) => exclusively(() => applyPage(changes, sync)),
    reopen: (epochs) => exclusively(() => reopen(epochs)),
    settle: (results) => exclusively(() => settle(results)),
    find: (kind, id) => exclusively(async () => toShown(await records.read(recordKeys.item(kind, id)))),
    list: (kind) =>
      exclusively(async () => {
        const items = await Promise.all((await records.scan(recordKeys.items(kind))).map(toShown));
        return items.filter((item) => item !== undefined);
      }),
    conflicts: () => exclusively(conflicts),
    joins: async () => (await records.scan(recordKeys.joins)).flat(),
    forgetJoins: (joins) => records.write(joins.map(({ kind, id }) => remove(recordKeys.join(kind, id)))),
    queue: () => exclusively(async () => [...(await queueIndex()).values()]),
    readQueued: (counter) => records.read(recordKeys.queued(counter)),
    readSync: async () => (await records.read(recordKeys.sync)) ?? {},
    writeSync: (change) =>
      exclusively(async () => {
        const before = (await records.read(recordKeys.sync)) ?? {};
        await records.write([put(recordKeys.sync, { ...before, ...change })]);
      }),
    forgetCursor: () =>
      exclusively(async () => {
        const { cursor: _lost, ...rest } = (await records.read(recordKeys.sync)) ?? {};
        await records.write([put(recordKeys.sync, rest)]);
      }),
    counter: async () => (await records.read(recordKeys.tick))?.counter ?? 0,
    idle: () => exclusively(async () => undefined),
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

interface QueueRow {
  readonly counter: number;
  readonly change: Change;
}

function planEdit(
  edit: Edit,
  known: readonly StoredVersion[],
  state: { identity: IdentityRecord; epoch: number; tick: TickRecord; base: VectorClock; nowMs: number },
): PlannedEdit {
  const { identity, epoch, tick, base, nowMs } = state;
  const counter = tick.counter + 1;
  const version: StoredVersion = {
    clock: tickClock(base, identity.deviceId, counter),
    time: nextHybridTime(latestTime(known, tick.time, nowMs), nowMs),
    deviceId: identity.deviceId,
    epoch,
    deleted: edit.text === undefined,
    ...(edit.text === undefined ? {} : { value: JSON.parse(edit.text) }),
    ...(edit.meta === undefined ? {} : { meta: edit.meta }),
  };
  return { edit, version, counter };
}

/**
 * What an edit supersedes: what the app can have seen of the item, not what a sync brought meanwhile. The own version
 * that still waits in the queue is always part of it, for the edit takes its place there.
 */
function baseClock(edit: Edit, known: readonly StoredVersion[], seen: VectorClock | undefined): VectorClock {
  if (edit.basedOn !== undefined) return versionToClock(edit.basedOn);
  const [leader] = known;
  // What does not open here may be readable elsewhere: only who was shown so may write over it.
  const leading = leader === undefined || leader.unopened !== undefined ? {} : leader.clock;
  return mergeClocks(leading, seen ?? {});
}

async function sealPlan(
  { edit, version, counter }: PlannedEdit,
  { accountId }: IdentityRecord,
  { epoch, key }: EpochKey,
): Promise<QueueRow> {
  const { kind, id, text, meta } = edit;
  const { clock, time } = version;
  const head = { id, kind, clock, time, epoch, ...(meta === undefined ? {} : { meta }) };
  if (text === undefined) return { counter, change: { ...head, op: 'delete' } };
  const payload = await seal(key, { account: accountId, kind, id, epoch, clock }, utf8.encode(text));
  if (payload.length > syncLimits.payloadLengthMax) throw tooLarge(id, payload.length);
  return { counter, change: { ...head, op: 'put', payload } };
}

/** When one call edits an item several times, only the last edit travels. */
function lastOfEach(plans: readonly PlannedEdit[], rows: readonly QueueRow[]): QueueRow[] {
  const last = new Map(plans.map(({ edit, counter }) => [keyOf(edit), counter]));
  const counters = new Set(last.values());
  return rows.filter(({ counter }) => counters.has(counter));
}

async function openValue(
  key: CryptoKey,
  place: Parameters<typeof open>[1],
  payload: string,
): Promise<{ json: unknown } | undefined> {
  const bytes = await open(key, place, payload);
  if (bytes === undefined) return undefined;
  try {
    return { json: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) };
  } catch {
    return undefined;
  }
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

async function readQueue(records: Records): Promise<Map<number, QueueEntry>> {
  const identity = await records.read(recordKeys.identity);
  if (identity === undefined) return new Map();
  const rows = await records.scan(recordKeys.queue);
  return new Map(
    rows.map(({ change, rejected }) => {
      const counter = counterOf(change.clock, identity.deviceId);
      const { kind, id } = change;
      return [counter, { counter, kind, id, ...(rejected === undefined ? {} : { rejected }) }];
    }),
  );
}

function keyOf({ kind, id }: { kind: Kind; id: string }): string {
  return `${kind}/${id}`;
}

function tooLarge(id: string, length: number): AlcoveError {
  return new AlcoveError(
    'vault.item_too_large',
    `Item ${id} is ${length} characters when sealed; at most ${syncLimits.payloadLengthMax} are taken.`,
  );
}
