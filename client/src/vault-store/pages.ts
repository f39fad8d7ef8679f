/** What a pull brings: a page and its cursor, in one write; and what opens with keys that came later. */
import type { ChangeOut } from '@alcove/contract';
import { compareClocks, counterOf } from '@alcove/contract/clock';
import { joinEqual } from '../conflicts.ts';
import {
  areSameVersions,
  asFirst,
  baseAfterPull,
  hasPlaceFor,
  inOrderOfVault,
  isSameContent,
  itemKey,
  mergeVersions,
  type StoredItem,
  type StoredVersion,
} from '../items.ts';
import {
  type IdentityRecord,
  put,
  type ResendRecord,
  type Resync,
  recordKeys,
  remove,
  requireIdentity,
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
    const counters = new Set(arrived.map(({ counter }) => counter));
    const unsyncedIn = await queue.unsyncedBy(identity.deviceId);
    const resends = await records.scan(recordKeys.resends);
    const merged = await Promise.all(
      changes.map(async (change) => {
        // What has arrived leads no more because it is this device's own: others see it where the vault has it.
        const isWaiting = unsyncedIn(change);
        const isUnsynced = (version: StoredVersion) =>
          isWaiting(version) && !counters.has(counterOf(version.clock, identity.deviceId));
        const stored = await findItem(records, change);
        const known = stored?.versions ?? [];
        // A vault and a device that both went back in time may have another text under a clock that is known.
        const believed = sync.resync === undefined ? known : [];
        const pulled = await sealing.openAll(change, believed, isUnsynced, identity);
        const waiting = resends.filter((resend) => itemKey(resend.change) === itemKey(change));
        const isOver = (version: StoredVersion) =>
          !isUnsynced(version) &&
          (((isForgotten(version, pulled) || isWithdrawn(version, pulled)) &&
            isLater(change, stored, sync.resync)) ||
            (isKnownTo(sync.resync, stored) && !isAmong([...pulled, ...waiting.map(toHead)], version)));
        const all = mergeVersions(
          known.filter((version) => !isOver(version)),
          pulled,
          isUnsynced,
        );
        const unshown = isBeyond(sync.resync, stored)
          ? known.filter((v) => !isAmong(pulled, v) && !isUnsynced(v))
          : [];
        const isMine = (version: StoredVersion) => isApart(sync.resync, version, identity);
        const lost = unshown.filter((v) => all.includes(v) && !isMine(v));
        const taken = [
          ...all.filter((v) => !isUnsynced(v) && isTaken(v, pulled, identity.deviceId)),
          ...unshown.filter(isMine),
        ];
        const versions = joinEqual(change.kind, all, isUnsynced);
        const regained = waiting.filter((resend) => isRegained(resend, pulled));
        return {
          change,
          stored,
          known,
          all,
          lost,
          taken,
          regained,
          versions,
          ...settledBy(change, versions),
        };
      }),
    );
    const writes: StorageWrite[] = [];
    const changed: ItemChange[] = [];
    for (const { change, stored, known, all, lost, versions, settled } of merged) {
      if (!hasPlaceFor(versions)) continue;
      const { kind, id, seq } = change;
      const isSame = areSameVersions(known, versions);
      const base = baseAfterPull(stored ?? {}, versions, identity.deviceId);
      const place = { seq, ...(sync.resync === undefined ? {} : { shownIn: sync.resync.stamp }) };
      const order = settled === undefined ? {} : { settled };
      const item: StoredItem = { kind, id, versions, ...base, ...place, ...order };
      if (isSame && isPlaced(stored, place)) continue;
      writes.push(...itemWrites(item), ...(await resendWrites(item, lost, identity)));
      if (isSame) continue;
      writes.push(...(await joinWrites(item, all, identity)));
      changed.push(toItemChange(item, known, identity));
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
