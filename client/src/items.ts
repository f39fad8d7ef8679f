/**
 * What a device knows of an item: all versions that no other known version supersedes. One leads, the others are
 * siblings. A version disappears here only when another one has seen it, so neither a server that went back in time
 * nor one that shows only half takes an edit away. A deletion carries no proof of who made it: a server can make one up.
 */
import type { Kind, Meta } from '@alcove/contract';
import { canonicalClock, compareClocks, mergeClocks, type VectorClock } from '@alcove/contract/clock';
import { parseHybridTime } from '@alcove/contract/hybrid-time';
import { AlcoveError } from './errors.ts';
import { areSameJson } from './json.ts';

/** Why a version has no value. Its payload is kept, so that it can be opened once the reason is gone. */
export interface Unopened {
  readonly code: 'keys.missing' | 'vault.unreadable';
  readonly payload: string;
}

export interface StoredVersion {
  readonly clock: VectorClock;
  readonly time: string;
  readonly deviceId: string;
  readonly epoch: number;
  readonly deleted: boolean;
  readonly meta?: Meta;
  /** The plaintext, as JSON value. */
  readonly value?: unknown;
  readonly unopened?: Unopened;
}

/** Which item. */
export interface ItemRef {
  readonly kind: Kind;
  readonly id: string;
}

export interface StoredItem extends ItemRef {
  /** Never empty; the leading version first. */
  readonly versions: readonly [StoredVersion, ...StoredVersion[]];
  /** The confirmed version that this device edited last, for merging when others edited it too. */
  readonly base?: { readonly clock: VectorClock; readonly value: unknown };
  /** Its place in the vault's feed when the server last showed or took it; none before. */
  readonly seq?: number;
  /** The resync that showed it last. */
  readonly shownIn?: string;
  /** The vault has put its versions in order by itself, as the account wishes: nobody has to decide. */
  readonly settled?: true;
}

/** A version that stands beside the leading one. */
export interface SiblingVersion {
  readonly value: unknown;
  readonly meta?: Meta;
  readonly deviceId: string;
  /** Hybrid time of the edit. */
  readonly time: string;
  readonly deleted: boolean;
  readonly error?: AlcoveError;
}

/** An item as the app sees it. */
export interface VaultItem {
  readonly kind: Kind;
  readonly id: string;
  /** What was put, `undefined` when the leading version is deleted or does not open. */
  readonly value: unknown;
  readonly meta?: Meta;
  /** Device that wrote the leading version. */
  readonly deviceId: string;
  /** When it was written, by that device's clock: RFC 3339, UTC. */
  readonly updatedAt: string;
  /** Names what is shown here, siblings included. Give it to `put` as `basedOn` to supersede exactly that. */
  readonly version: string;
  /** True while the server has not confirmed the leading version. */
  readonly unsynced: boolean;
  readonly deleted: boolean;
  /** Versions by other devices that nobody has brought together with this one yet; `put` again to do so. */
  readonly conflict?: readonly SiblingVersion[];
  /** Set when the leading version does not open: `keys.missing` or `vault.unreadable`. */
  readonly error?: AlcoveError;
}

/**
 * Brings pulled versions together with known ones.
 *
 * Own unsynced versions lead, then what was pulled in the order of the server, then what else survives. A pulled
 * version that does not open supersedes nothing readable: its clock proves nothing.
 */
export function mergeVersions(
  known: readonly StoredVersion[],
  pulled: readonly StoredVersion[],
  isUnsynced: (version: StoredVersion) => boolean,
): StoredVersion[] {
  const others = known.filter((old) => !pulled.some((version) => replaces(version, old, isUnsynced)));
  const all = [...others.filter(isUnsynced), ...pulled, ...others.filter((version) => !isUnsynced(version))];
  const kept = all.filter((version, at) => !all.some((other, otherAt) => hides(other, otherAt, version, at)));
  return [...kept.filter(isUnsynced), ...kept.filter((version) => !isUnsynced(version))];
}

/** The item with a new version of this device in front, and without what that version has seen. */
export function supersede(known: readonly StoredVersion[], version: StoredVersion): StoredItem['versions'] {
  const concurrent = known.filter((old) => compareClocks(version.clock, old.clock) !== 'dominates');
  return [version, ...concurrent];
}

/** What an edit of this device is made from: the version that stood alone and confirmed before it. */
export function baseOfEdit(
  before: StoredItem | undefined,
  isUnsynced: (version: StoredVersion) => boolean,
): Pick<StoredItem, 'base'> {
  if (before === undefined) return {};
  const { versions, base } = before;
  const [{ clock, value, deleted, unopened }, ...siblings] = versions;
  if (isUnsynced(versions[0])) return base === undefined ? {} : { base };
  return siblings.length > 0 || deleted || unopened !== undefined ? {} : { base: { clock, value } };
}

/** The base is worth its room as long as this device's edit may still meet another one. */
export function baseAfterPull(
  { base }: Partial<StoredItem>,
  [leader, ...siblings]: StoredItem['versions'],
  deviceId: string,
): Pick<StoredItem, 'base'> {
  const isSettled = siblings.length === 0 && leader.deviceId !== deviceId;
  return base === undefined || isSettled ? {} : { base };
}

export function hasPlaceFor(versions: readonly StoredVersion[]): versions is StoredItem['versions'] {
  return versions.length > 0;
}

/** One text for one item. */
export function itemKey({ kind, id }: ItemRef): string {
  return `${kind}/${id}`;
}

/** True when two lists of versions look the same to the app. */
export function areSameVersions(a: readonly StoredVersion[], b: readonly StoredVersion[]): boolean {
  const look = (versions: readonly StoredVersion[]) =>
    versions
      .map(({ clock, unopened, meta }) => JSON.stringify([canonicalClock(clock), unopened?.code, meta]))
      .join();
  return look(a) === look(b);
}

/** How the app sees an item, or `undefined` when nothing of it lives. */
export function toVaultItem(
  { kind, id, versions }: StoredItem,
  isUnsynced: (version: StoredVersion) => boolean,
): VaultItem | undefined {
  if (versions.every(({ deleted }) => deleted)) return undefined;
  const [leader, ...siblings] = versions;
  return {
    kind,
    id,
    ...toContent(leader),
    deviceId: leader.deviceId,
    updatedAt: leader.time.slice(0, 24),
    version: canonicalClock(mergeClocks(...versions.map(({ clock }) => clock))),
    unsynced: isUnsynced(leader),
    ...(siblings.length === 0 ? {} : { conflict: siblings.map(toSibling) }),
  };
}

/** Reads what `VaultItem.version` says. Throws `invalid_argument`. */
export function versionToClock(version: string): VectorClock {
  const pairs = version.split(',').map((pair) => /^([0-9a-f-]{36}):(\d{1,16})$/.exec(pair));
  return Object.fromEntries(
    pairs.map((match) => {
      if (match === null)
        throw new AlcoveError('invalid_argument', 'basedOn is not the `version` of an item.');
      return [match[1] ?? '', Number(match[2])];
    }),
  );
}

/** Times further ahead than this are a wrong clock somewhere, which is not to spread. */
const aheadMsMax = 5 * 60_000;

/**
 * The latest believable time among these versions and the last one that this device gave out. Its own clock may have
 * been the wrong one, so its own time is believed no further than others' are; the order of edits is in their clocks.
 */
export function latestTime(versions: readonly StoredVersion[], own: string | undefined, nowMs: number) {
  const times = [...versions.map(({ time }) => time), ...(own === undefined ? [] : [own])];
  return times
    .filter((time) => isBelievable(time, nowMs))
    .toSorted()
    .at(-1);
}

function isBelievable(time: string, nowMs: number): boolean {
  const parsed = parseHybridTime(time);
  return parsed !== undefined && parsed.atMs <= nowMs + aheadMsMax;
}

/** A pulled copy of a known version takes its place, with newer metadata, unless only the known one is readable. */
function replaces(
  pulled: StoredVersion,
  old: StoredVersion,
  isUnsynced: (version: StoredVersion) => boolean,
): boolean {
  const isReadable = pulled.unopened === undefined || old.unopened !== undefined;
  if (!isReadable || compareClocks(pulled.clock, old.clock) !== 'equal') return false;
  return !isUnsynced(old) || isSameContent(pulled, old);
}

/**
 * Of two versions with one clock the first stays. Only when both open and say different things do they both: then a
 * copy of this store wrote the other one.
 */
function hides(other: StoredVersion, otherAt: number, version: StoredVersion, at: number): boolean {
  if (otherAt === at || (other.unopened !== undefined && version.unopened === undefined)) return false;
  const order = compareClocks(other.clock, version.clock);
  if (order !== 'equal') return order === 'dominates';
  if (version.unopened !== undefined && other.unopened === undefined) return true;
  return otherAt < at && (version.unopened !== undefined || isSameContent(version, other));
}

/** Whether two versions say the same, as far as they open here. */
export function isSameContent(a: StoredVersion, b: StoredVersion): boolean {
  return a.deleted === b.deleted && areSameJson(a.value, b.value);
}

function toContent({ value, meta, deleted, unopened }: StoredVersion) {
  return {
    value,
    deleted,
    ...(meta === undefined ? {} : { meta }),
    ...(unopened === undefined ? {} : { error: unopenedToError(unopened) }),
  };
}

/** How the app sees one version. */
export function toSibling(version: StoredVersion): SiblingVersion {
  return { ...toContent(version), deviceId: version.deviceId, time: version.time };
}

function unopenedToError({ code }: Unopened): AlcoveError {
  const message =
    code === 'keys.missing'
      ? 'This version is sealed with an epoch key that this device does not hold yet.'
      : 'This version does not open: it is damaged, or no device of this account wrote it.';
  return new AlcoveError(code, message);
}
