/**
 * Forgets what nobody needs any more: deletions that every device has stored, conflicts that were resolved long ago,
 * stored answers whose time is over. Goes on with settling conflicts where that was cut off.
 *
 * A deletion goes when every awaited device has acknowledged it, or when it is so old that whoever missed it is to read
 * the vault anew. Two things stay of it. The floor: a cursor below it is refused, so that no device goes on without having
 * heard of the deletion. And the counters that it had seen: a version that is not beyond them may be one that the deletion
 * had ended, and is refused until its device has ticked once more.
 */
import type { VectorClock } from '@alcove/contract';
import type { VaultDatabase } from '../../../platform/vaults/index.ts';
import { answersKeptMax } from './answers.ts';
import { weightOf } from './item-store.ts';
import { settleSome } from './policy.ts';
import { silentAfterMs } from './silence.ts';
import { readStored } from './stored-json.ts';
import type { TombstoneRow } from './tombstone-store.ts';
import { createVaultStore, type VaultState, type VaultStore } from './vault-store.ts';

export interface TidyInput {
  /** The devices that still stand and have been heard of lately. */
  readonly awaited: readonly string[];
  readonly nowMs: number;
}

export interface TidyOutput {
  readonly collected: number;
  /** When somebody should look again, although nothing is written until then. */
  readonly nextAtMs: number;
}

const dayMs = 24 * 60 * 60 * 1000;
export const conflictsKeptMs = 30 * dayMs;
/** What one run takes on, of each sort, so that a vault's other calls never wait long. */
export const collectedPerRunMax = 2000;
/** Nothing that is left waits so urgently that a vault should be opened for it more often. */
const nextSoonestMs = 2 * dayMs;
/** By then what was written meanwhile may have something to forget. */
const nextLatestMs = 30 * dayMs;

/** Looked at when a device acknowledged something: is it worth asking which devices there are? */
export function isTidyDue(store: VaultStore, state: VaultState, nowMs: number): boolean {
  // A day ahead is as far as it is ever set; beyond that, the clock was wrong when it was.
  if (nowMs >= state.tidyAfterMs || state.tidyAfterMs > nowMs + dayMs) return true;
  if (isSettlingCutOff(state)) return true;
  const upTo = store.devices.findAcknowledgedByAll();
  return upTo !== undefined && store.tombstones.hasAnyUpTo(upTo);
}

const isSettlingCutOff = ({ entriesPolicy, conflictsOpen }: VaultState) =>
  entriesPolicy === 'last-writer-wins' && conflictsOpen > 0;

export function tidy(vault: VaultDatabase, { awaited, nowMs }: TidyInput): TidyOutput {
  const store = createVaultStore(vault);
  return vault.transaction(() => {
    const at = new Date(nowMs).toISOString();
    const isSettled = settleSome(store, nowMs);
    const state = store.getState();
    store.dropAnswers(nowMs, answersKeptMax);
    store.conflicts.dropResolvedUpTo(new Date(nowMs - conflictsKeptMs).toISOString(), collectedPerRunMax);
    store.devices.setAwaited(awaited, at);
    noteProgress(store, state, nowMs);
    const gone = store.tombstones.listUpTo(findForgettable(store, state, nowMs), collectedPerRunMax);
    collect(store, state, gone, at);
    const nextAtMs = isSettled && gone.length < collectedPerRunMax ? findNextAt(store, nowMs) : nowMs;
    store.tombstones.setTidyAfter(Math.min(nextAtMs, nowMs + dayMs));
    return { collected: gone.length, nextAtMs };
  });
}

/** When something may be forgotten for its age alone. */
function findNextAt(store: VaultStore, nowMs: number): number {
  const resolvedAt = store.conflicts.findOldestResolvedAt();
  const conflictAtMs = resolvedAt === undefined ? Infinity : Date.parse(resolvedAt) + conflictsKeptMs;
  // More of them than one run takes on.
  if (conflictAtMs <= nowMs) return nowMs;
  const soonestMs = nowMs + nextSoonestMs;
  if (store.hasAnswers()) return soonestMs;
  const nextMs = Math.min(conflictAtMs, findOldAt(store), nowMs + nextLatestMs);
  return Math.max(nextMs, soonestMs);
}

/** When the oldest deletion will have been there for so long that it goes, whoever has not heard of it. */
function findOldAt({ tombstones }: VaultStore): number {
  const oldest = tombstones.findOldest();
  if (oldest === undefined) return Infinity;
  const reachedAtMs = tombstones.findReachedAt(oldest);
  // Its age counts from the next look on.
  return reachedAtMs === undefined ? 0 : reachedAtMs + silentAfterMs;
}

/** Once a day: how far the vault had come. It dates deletions by our clock, since a device's may be wrong. */
function noteProgress({ tombstones }: VaultStore, { head }: VaultState, nowMs: number): void {
  const last = tombstones.findLastMilestone();
  if (last !== undefined && Math.abs(nowMs - last) < dayMs) return;
  tombstones.addMilestone(nowMs, head);
  tombstones.dropMilestonesBefore(nowMs - silentAfterMs);
}

/** Up to which sequence number deletions may go. Where no device is awaited, all of them. */
function findForgettable({ devices, tombstones }: VaultStore, { head }: VaultState, nowMs: number): number {
  const acknowledged = devices.findAcknowledgedByAll() ?? head;
  return Math.max(acknowledged, tombstones.findReachedBy(nowMs - silentAfterMs) ?? 0);
}

function collect(store: VaultStore, state: VaultState, gone: readonly TombstoneRow[], at: string): void {
  let { bytes } = state;
  for (const tombstone of gone) {
    for (const row of store.items.listVersions(tombstone.kind, tombstone.id)) {
      bytes -= weightOf(row);
      remember(store, readStored(row.clock), at);
    }
    store.tombstones.drop(tombstone);
  }
  const last = gone.at(-1);
  if (last === undefined) return;
  store.tombstones.setFloor(last.seq);
  store.setExtent({ ...state, bytes });
}

function remember({ devices }: VaultStore, clock: VectorClock, at: string): void {
  for (const [device, counter] of Object.entries(clock)) devices.raiseCollectedCounter(device, counter, at);
}
