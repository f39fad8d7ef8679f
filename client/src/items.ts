/**
 * What a device knows of an item: all versions that no other known version supersedes. One leads, the others are
 * siblings. A version disappears here only when another one has seen it, so neither a server that went back in time
 * nor one that shows only half takes an edit away. A deletion is a version like any other: it is sealed, and one that does
 * not open takes nothing away either.
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
  /** The vault shows it before the others of its item. */
  readonly isFirst?: true;
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
  /** It does not open, so it is not known whether a device of the account wrote it, or deleted the item. */
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
  /** Names what is shown here, siblings included. Give it to `put` as `basedOn` to supersede exactly that, as far as it opens. */
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
 * Own unsynced versions lead, then what was pulled in the order of the server, then what else survives, and last the
 * deletions that nobody has proved. A pulled version that does not open supersedes nothing readable: its clock proves nothing.
 */
export function mergeVersions(
  known: readonly StoredVersion[],
  pulled: readonly StoredVersion[],
  isUnsynced: (version: StoredVersion) => boolean,
): StoredVersion[] {
  const others = known.filter((old) => !pulled.some((version) => replaces(version, old)));
  const all = [...others.filter(isUnsynced), ...pulled, ...others.filter((version) => !isUnsynced(version))];
  const kept = all.filter((version, at) => !all.some((other, otherAt) => hides(other, otherAt, version, at)));
  const rank = (version: StoredVersion) => (isUnproved(version) ? 2 : isUnsynced(version) ? 0 : 1);
  return kept.toSorted((a, b) => rank(a) - rank(b));
}

/** Remembers where the vault shows what does not open: a deletion stands there only once it is proved. */
export function asFirst(version: StoredVersion): StoredVersion {
  const { unopened } = version;
  return unopened === undefined ? version : { ...version, unopened: { ...unopened, isFirst: true } };
}

/** As the vault shows them, before they are opened again. */
export function inOrderOfVault(versions: readonly StoredVersion[]): StoredVersion[] {
  const rank = ({ unopened }: StoredVersion) => (unopened?.isFirst === true ? 0 : 1);
  return versions.toSorted((a, b) => rank(a) - rank(b));
}

/** A deletion that the server may have made up. */
function isUnproved({ deleted, unopened }: StoredVersion): boolean {
  return deleted && unopened !== undefined;
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
    version: toVersion(versions),
    unsynced: isUnsynced(leader),
    ...(siblings.length === 0 ? {} : { conflict: siblings.map(toSibling) }),
  };
}

/** What an app was shown of an item. Counters of what does not open are the server's word, so they are kept apart. */
export interface ShownClocks {
  readonly opened: VectorClock;
  readonly unopened: VectorClock;
}

export function toShownClocks(versions: readonly StoredVersion[]): ShownClocks {
  const clocksOf = (isOpen: boolean) =>
    versions.filter(({ unopened }) => (unopened === undefined) === isOpen).map(({ clock }) => clock);
  return { opened: mergeClocks(...clocksOf(true)), unopened: mergeClocks(...clocksOf(false)) };
}

/** Names these versions: what opens, and after a semicolon what does not. */
export function toVersion(versions: readonly StoredVersion[]): string {
  const { opened, unopened } = toShownClocks(versions);
  const rest = canonicalClock(unopened);
  return rest === '' ? canonicalClock(opened) : `${canonicalClock(opened)};${rest}`;
}

/** Reads what `toVersion` has written. Throws `invalid_argument`. */
export function versionToClocks(version: string): ShownClocks {
  const at = version.indexOf(';');
  if (at < 0) return { opened: textToClock(version), unopened: {} };
  const opened = at === 0 ? {} : textToClock(version.slice(0, at));
  return { opened, unopened: textToClock(version.slice(at + 1)) };
}

function textToClock(text: string): VectorClock {
  const pairs = text.split(',').map((pair) => /^([0-9a-f-]{36}):(\d{1,16})$/.exec(pair));
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
function replaces(pulled: StoredVersion, old: StoredVersion): boolean {
  const isReadable = pulled.unopened === undefined || old.unopened !== undefined;
  if (!isReadable || compareClocks(pulled.clock, old.clock) !== 'equal') return false;
  return old.unopened !== undefined || isSameContent(pulled, old);
}

/**
 * Of two versions with one clock the first stays. Only when both open and say different things do they both: then a
 * copy of a store wrote the other one, or a device that went back in time together with the vault.
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
