/** What a pull brings: a page and its cursor, in one write; and what opens with keys that came later. */
import type { ChangeOut } from '@alcove/contract';
import { compareClocks, counterOf } from '@alcove/contract/clock';
import { joinEqual } from '../conflicts.ts';
import {
  areSameVersions,
  asFirst,
  baseAfterPull,
  hasPlaceFor,
  type ItemRef,
  inOrderOfVault,
  isSameContent,
  itemKey,
  mergeVersions,
  type StoredItem,
  type StoredVersion,
} from '../items.ts';
import type { IsUnsynced } from '../queue.ts';
import {
  type IdentityRecord,
  put,
  type ResendRecord,
  type Resync,
  recordKeys,
  remove,
  requireIdentity,
  type SyncRecord,
} from '../records.ts';
import type { StorageWrite } from '../storage/storage.ts';
import { createArrivals } from './arrivals.ts';
import {
  findItem,
  type ItemChange,
  isAt,
  itemWrites,
  type Position,
  readSync,
  type StoreParts,
  toItemChange,
} from './parts.ts';
import { isApart, isBeyond, queuedWrite, type Resyncing } from './resync.ts';
import { missingEpochs, type Sealing } from './sealing.ts';

/** What a pull brought, and from where it went on. */
export interface Page {
  readonly from: Position;
  readonly changes: readonly ChangeOut[];
  readonly cursor: string;
  readonly clockSkewMs: number;
}

export interface Applied {
  readonly changed: readonly ItemChange[];
  /** Epochs whose keys it lacks. */
  readonly missing: readonly number[];
}

export interface Pages {
  apply(page: Page): Promise<Applied | undefined>;
  reopen(epochs: readonly number[]): Promise<ItemChange[]>;
}

/** What is true of the store while it takes a page. */
interface Moment {
  readonly sync: SyncRecord;
  readonly identity: IdentityRecord;
  readonly unsyncedIn: (item: ItemRef) => IsUnsynced;
  /** Counters of edits that the page shows to be in the vault. */
  readonly arrived: ReadonlySet<number>;
  readonly resends: readonly ResendRecord[];
}

/** An item of the page, beside what the store had of it. */
interface Merged {
  readonly change: ChangeOut;
  readonly stored: StoredItem | undefined;
  readonly known: readonly StoredVersion[];
  /** What it holds now; in `versions` those that say the same are one. */
  readonly all: readonly StoredVersion[];
  readonly versions: readonly StoredVersion[];
  /** Versions that the vault has lost, and gets again. */
  readonly lost: readonly StoredVersion[];
  /** Edits of this device under whose clock the vault has another one: they wait again. */
  readonly taken: readonly StoredVersion[];
  /** What need not be sent again. */
  readonly regained: readonly ResendRecord[];
}

export function createPages(
  parts: StoreParts,
  sealing: Sealing,
  { resendWrites, requeue }: Resyncing,
): Pages {
  const { records, queue } = parts;
  const arrivals = createArrivals(parts);

  async function apply({ from, changes, cursor, clockSkewMs }: Page): Promise<Applied | undefined> {
    const before = await readSync(records);
    if (!isAt(before, from)) return undefined;
    const sync = { ...before, cursor, clockSkewMs, knownCounter: before.sentCounter ?? 0 };
    const identity = await requireIdentity(records);
    const arrived = await arrivals.find(changes);
    const moment: Moment = {
      sync,
      identity,
      unsyncedIn: await queue.unsyncedBy(identity.deviceId),
      arrived: new Set(arrived.map(({ counter }) => counter)),
      resends: await records.scan(recordKeys.resends),
    };
    const merged = await Promise.all(changes.map((change) => merge(change, moment)));
    const writes: StorageWrite[] = [];
    const changed: ItemChange[] = [];
    for (const one of merged) {
      const kept = await keep(one, moment);
      writes.push(...kept.writes);
      if (kept.changed !== undefined) changed.push(kept.changed);
    }
    writes.push(
      ...merged.flatMap(({ regained }) => regained.map(({ change }) => remove(recordKeys.resend(change)))),
    );
    const again = await Promise.all(merged.map(({ change, taken }) => requeue(change, taken, identity)));
    const queued = again.flat();
    writes.push(put(recordKeys.sync, queued.length === 0 ? sync : { ...sync, cloned: true }));
    if (arrived.length === 0 && queued.length === 0) await queue.write(writes);
    else {
      writes.push(...queued.map(queuedWrite));
      writes.push(...(await arrivals.writes(arrived, identity)));
      const removed = arrived.map(({ counter }) => counter);
      await queue.commit(writes, { removed, put: queued.map(({ entry }) => entry) });
    }
    return { changed, missing: missingEpochs(merged.flatMap(({ versions }) => versions)) };
  }

  /** Decides of each version of an item, pulled or known, whether it stays, is over, has to be sent again or to wait again. */
  async function merge(change: ChangeOut, moment: Moment): Promise<Merged> {
    const { identity, resends, arrived, sync } = moment;
    const { resync } = sync;
    // What has arrived leads no more because it is this device's own: others see it where the vault has it.
    const isWaiting = moment.unsyncedIn(change);
    const isUnsynced = (version: StoredVersion) =>
      isWaiting(version) && !arrived.has(counterOf(version.clock, identity.deviceId));
    const stored = await findItem(records, change);
    const known = stored?.versions ?? [];
    // A vault and a device that both went back in time may have another text under a clock that is known.
    const believed = resync === undefined ? known : [];
    const pulled = await sealing.openAll(change, believed, isUnsynced, identity);
    const waiting = resends.filter((resend) => itemKey(resend.change) === itemKey(change));
    const isOver = (version: StoredVersion) =>
      !isUnsynced(version) &&
      (((isForgotten(version, pulled) || isWithdrawn(version, pulled)) && isLater(change, stored, resync)) ||
        (isKnownTo(resync, stored) && !isAmong([...pulled, ...waiting.map(toHead)], version)));
    const all = mergeVersions(
      known.filter((version) => !isOver(version)),
      pulled,
      isUnsynced,
    );
    const unshown = isBeyond(resync, stored)
      ? known.filter((version) => !isAmong(pulled, version) && !isUnsynced(version))
      : [];
    const isMine = (version: StoredVersion) => isApart(resync, version, identity);
    return {
      change,
      stored,
      known,
      all,
      versions: joinEqual(change.kind, all, isUnsynced),
      lost: unshown.filter((version) => all.includes(version) && !isMine(version)),
      taken: [
        ...all.filter((version) => !isUnsynced(version) && isTaken(version, pulled, identity.deviceId)),
        ...unshown.filter(isMine),
      ],
      regained: waiting.filter((resend) => isRegained(resend, pulled)),
    };
  }

  /** Writes the item as it is now, where it lies in the vault now, and tells whether a person sees a difference. */
  async function keep(
    { change, stored, known, all, lost, versions }: Merged,
    { sync, identity }: Moment,
  ): Promise<{ writes: StorageWrite[]; changed?: ItemChange }> {
    if (!hasPlaceFor(versions)) return { writes: [] };
    const { kind, id, seq } = change;
    const isSame = areSameVersions(known, versions);
    const place = { seq, ...(sync.resync === undefined ? {} : { shownIn: sync.resync.stamp }) };
    if (isSame && isPlaced(stored, place)) return { writes: [] };
    const base = baseAfterPull(stored ?? {}, versions, identity.deviceId);
    const item: StoredItem = { kind, id, versions, ...base, ...place, ...settledBy(change, versions) };
    const writes = [...itemWrites(item), ...(await resendWrites(item, lost, identity))];
    if (isSame) return { writes };
    writes.push(...(await joinWrites(item, all, identity)));
    return { writes, changed: toItemChange(item, known, identity) };
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
        inOrderOfVault(before.versions).map(async (version) => {
          const { unopened, ...rest } = version;
          if (unopened === undefined) return version;
          const sealed = { ...rest, payload: unopened.payload };
          const again = await sealing.openVersion(before, sealed, [], identity);
          return unopened.isFirst === true ? asFirst(again) : again;
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
    if (writes.length > 0) await queue.write(writes);
    return changed;
  }

  /**
   * The vault takes a version from a device that its clock names. Each of them that joined it is as much its author as the
   * others, and seals it as its own; the vault keeps the first.
   */
  async function joinWrites(
    { kind, id, versions }: StoredItem,
    all: readonly StoredVersion[],
    identity: IdentityRecord,
  ): Promise<StorageWrite[]> {
    const { deviceId } = identity;
    const joined = versions
      .filter((version) => !all.includes(version) && counterOf(version.clock, deviceId) > 0)
      .map((version) => ({ ...version, deviceId }));
    const changes = await sealing.sealAgain({ kind, id }, joined, identity);
    const own = changes.map(({ deviceId: _calling, ...change }) => change);
    return own.length === 0 ? [] : [put(recordKeys.join(kind, id), own)];
  }

  return { apply, reopen };
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

/** A deletion beside which the vault has taken a version that had not seen it, and which it shows no more. */
function isForgotten(version: StoredVersion, pulled: readonly StoredVersion[]): boolean {
  return version.deleted && pulled.every(({ clock }) => compareClocks(version.clock, clock) === 'concurrent');
}

/** What its key does not open, and the vault shows no more: that it ever was is the server's word alone. */
function isWithdrawn(version: StoredVersion, pulled: readonly StoredVersion[]): boolean {
  return version.unopened?.code === 'vault.unreadable' && !isAmong(pulled, version);
}

/** True when the vault shows the item as it became after it was stored here, and has lost nothing of it. */
function isLater({ seq }: ChangeOut, stored: StoredItem | undefined, resync: Resync | undefined): boolean {
  return stored?.seq !== undefined && seq >= stored.seq && !isBeyond(resync, stored);
}

/**
 * An edit of this device, under whose clock a vault that was put back has taken another one meanwhile: of a copy of this store.
 * Nobody else can bring it back, and this device only under another name.
 */
function isTaken(version: StoredVersion, pulled: readonly StoredVersion[], deviceId: string): boolean {
  if (version.deviceId !== deviceId || version.unopened !== undefined || pulled.includes(version))
    return false;
  return pulled.some(
    (other) =>
      other.unopened === undefined &&
      other.deviceId === deviceId &&
      compareClocks(other.clock, version.clock) === 'equal' &&
      !isSameContent(other, version),
  );
}

/** Another device has brought what this one was to send again, or something that has seen it. */
function isRegained({ change }: ResendRecord, pulled: readonly StoredVersion[]): boolean {
  return pulled.some(
    ({ clock, unopened }) =>
      unopened === undefined && ['equal', 'dominates'].includes(compareClocks(clock, change.clock)),
  );
}

/** In a resync the vault shows all that is left of an item that it had: what it does not show was ended, if only by a deletion. */
function isKnownTo(resync: Resync | undefined, stored: StoredItem | undefined): boolean {
  return resync !== undefined && !isBeyond(resync, stored);
}

const toHead = ({ change: { clock } }: ResendRecord) => ({ clock });

function isAmong(
  versions: readonly Pick<StoredVersion, 'clock'>[],
  { clock }: Pick<StoredVersion, 'clock'>,
): boolean {
  return versions.some((version) => compareClocks(version.clock, clock) === 'equal');
}
