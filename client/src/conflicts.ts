/**
 * Versions of an entry of which none has seen the others: how the app sees them, and which of them need nobody.
 *
 * Versions that say the same are one. The joined version has seen what each of them has seen and ticks no counter, so
 * every device makes the very same one by itself: however many do it at once, it is one version, and an edit that has
 * seen them all has seen it too.
 */
import type { Kind } from '@alcove/contract';
import { compareClocks, mergeClocks } from '@alcove/contract/clock';
import {
  isSameContent,
  type SiblingVersion,
  type StoredItem,
  type StoredVersion,
  toSibling,
  toVersion,
} from './items.ts';
import { areSameJson } from './json.ts';

/** An entry that several devices changed at once, with everything that they wrote. */
export interface Conflict {
  readonly kind: Kind;
  readonly id: string;
  /** Names all the versions shown here: `resolve` supersedes exactly these. */
  readonly version: string;
  /** What this device wrote; where it wrote none of the versions, the leading one. */
  readonly mine: SiblingVersion;
  /** What other devices wrote. */
  readonly theirs: readonly SiblingVersion[];
  /** What all of them were made from, where this device knows it. */
  readonly base?: { readonly value: unknown };
}

/** Memories and tags settle by rule. Where every version is a deletion there is nothing to decide. */
export function isInConflict({ kind, versions, settled }: StoredItem): boolean {
  return (
    kind === 'entry' && settled !== true && versions.length > 1 && versions.some(({ deleted }) => !deleted)
  );
}

/** How the app sees a conflict, or `undefined` where there is none. */
export function toConflict(item: StoredItem, deviceId: string): Conflict | undefined {
  if (!isInConflict(item)) return undefined;
  const { kind, id, versions } = item;
  // Who wrote what does not open is the server's word.
  const isMine = (version: StoredVersion) => version.deviceId === deviceId && version.unopened === undefined;
  const mine = versions.find(isMine) ?? versions[0];
  const base = findBase(item);
  return {
    kind,
    id,
    version: toVersion(versions),
    mine: toSibling(mine),
    theirs: versions.filter((version) => version !== mine).map(toSibling),
    ...(base === undefined ? {} : { base: { value: base.value } }),
  };
}

/** True when there is a version in conflict that was not known before. */
export function isNews(item: StoredItem, known: readonly StoredVersion[]): boolean {
  return (
    isInConflict(item) &&
    item.versions.some((version) =>
      known.every(
        (old) => compareClocks(old.clock, version.clock) !== 'equal' || !isSameContent(old, version),
      ),
    )
  );
}

/** Joins versions that say the same, and leaves the rest. What still waits to be sent is left alone until it is not. */
export function joinEqual(
  kind: Kind,
  versions: readonly StoredVersion[],
  isUnsynced: (version: StoredVersion) => boolean,
): StoredVersion[] {
  if (kind !== 'entry') return [...versions];
  const isJoinable = (version: StoredVersion) =>
    !version.deleted && version.unopened === undefined && !isUnsynced(version);
  const joined: StoredVersion[] = [];
  for (const version of versions) {
    const twin = isJoinable(version)
      ? joined.findIndex((other) => isJoinable(other) && areSameJson(other.value, version.value))
      : -1;
    const other = joined[twin];
    if (other === undefined) joined.push(version);
    else joined[twin] = joinTwo(other, version);
  }
  return joined;
}

/** Everything of it follows from the two, in whatever order they come. */
function joinTwo(a: StoredVersion, b: StoredVersion): StoredVersion {
  const isFirstLater = a.time === b.time ? a.deviceId > b.deviceId : a.time > b.time;
  return {
    ...(isFirstLater ? a : b),
    clock: mergeClocks(a.clock, b.clock),
    epoch: Math.max(a.epoch, b.epoch),
  };
}

/** The remembered base, if every version has seen it. */
function findBase({ base, versions }: StoredItem): StoredItem['base'] {
  if (base === undefined) return undefined;
  return versions.every(({ clock }) => compareClocks(clock, base.clock) === 'dominates') ? base : undefined;
}
