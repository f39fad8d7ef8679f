/**
 * The rule of a vault: an item holds every version that no other version has seen, an antichain of clocks. One of them
 * leads; the others stand beside it as siblings until a version arrives that has seen them all.
 */
import type { Kind, MemoryMeta, Meta } from '@alcove/contract';
import { compareClocks, counterOf, mergeClocks, type VectorClock } from '@alcove/contract/clock';
import { syncLimits } from '@alcove/contract/limits';

/** What the rule asks of a version. */
export interface Version {
  readonly clock: VectorClock;
  /** What the version is ordered by: its time, or that of its arrival when its device's clock runs ahead. */
  readonly orderTime: string;
  readonly deviceId: string;
  readonly deleted: boolean;
  /** Asked of memories alone. */
  readonly meta: Meta | undefined;
}

export type Verdict<Held> =
  /** The clock of one that is held. */
  | { readonly kind: 'again'; readonly version: Held }
  /** A held version has seen it. */
  | { readonly kind: 'stale' }
  /** It is held from now on, beside `beside`: the versions that neither has seen the other. */
  | { readonly kind: 'held'; readonly beside: readonly Held[] };

export function weigh<Held extends Pick<Version, 'clock'>>(
  held: readonly Held[],
  { clock }: Pick<Version, 'clock'>,
): Verdict<Held> {
  const orders = held.map((version) => ({ version, order: compareClocks(clock, version.clock) }));
  const same = orders.find(({ order }) => order === 'equal');
  if (same !== undefined) return { kind: 'again', version: same.version };
  if (orders.some(({ order }) => order === 'dominated')) return { kind: 'stale' };
  return {
    kind: 'held',
    beside: orders.filter(({ order }) => order === 'concurrent').map(({ version }) => version),
  };
}

/** What was written in a version. */
export interface Content {
  readonly deleted: boolean;
  readonly payload: string | undefined;
  readonly meta: Meta | undefined;
}

/** Other content under the same clock: two devices share an identity, or one was restored from a backup. */
export function isSameContent(a: Content, b: Content): boolean {
  return a.deleted === b.deleted && a.payload === b.payload && ownMeta(a.meta) === ownMeta(b.meta);
}

/** Without the access counts, which the vault joins and which may therefore have grown since. */
function ownMeta(meta: Meta | undefined): string {
  return JSON.stringify({ ...meta, accessCounts: undefined });
}

/**
 * The version that an item shows. A memory shows its last writer's. An entry or tag shows a version that is there rather
 * than its deletion, and among those the last writer's.
 */
export function chooseLeader<V extends Version>(kind: Kind, first: V, others: readonly V[]): V {
  return others.reduce((leader, version) => (leadsOver(kind, version, leader) ? version : leader), first);
}

function leadsOver(kind: Kind, a: Version, b: Version): boolean {
  if (kind !== 'memory' && a.deleted !== b.deleted) return b.deleted;
  if (a.orderTime !== b.orderTime) return a.orderTime > b.orderTime;
  return a.deviceId > b.deviceId;
}

/**
 * How often each device opened a memory only ever grows, so the counts of all versions are joined and survive whichever
 * version wins, even a deletion. Answers the leader's meta with all of them.
 */
export function withJoinedCounts(
  { meta }: Pick<Version, 'meta'>,
  others: readonly Pick<Version, 'meta'>[],
): Meta | undefined {
  const counts = [meta, ...others.map((other) => other.meta)]
    .map(countsOf)
    .filter((each) => each !== undefined);
  if (counts.length === 0) return meta;
  return { ...meta, accessCounts: withHighest(mergeClocks(...counts)) } satisfies MemoryMeta;
}

/** Each version names a bounded number of devices, and only this bounds what they name together. */
function withHighest(counts: VectorClock): Record<string, number> {
  const highestFirst = Object.entries(counts).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return Object.fromEntries(highestFirst.slice(0, syncLimits.devicesPerClockMax));
}

function countsOf(meta: Meta | undefined): VectorClock | undefined {
  return meta !== undefined && 'accessCounts' in meta ? meta.accessCounts : undefined;
}

/** What any version held has seen of a device: the most that a new one may say of it, unless it is its own. */
export function counterSeenBy(held: readonly Version[], device: string): number {
  return Math.max(...held.map(({ clock }) => counterOf(clock, device)));
}

/** How many devices its clock and its access counts name: so much is to be read and compared. */
export function countNamedDevices({ clock, meta }: Version): number {
  return Object.keys(clock).length + Object.keys(countsOf(meta) ?? {}).length;
}
