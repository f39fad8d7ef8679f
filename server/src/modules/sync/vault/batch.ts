/** Takes the changes of one push, one after the other, and keeps count of what they did together. */
import type { PushResult } from '@alcove/contract';
import { counterOf, type VectorClock } from '@alcove/contract/clock';
import { formatHybridTime } from '@alcove/contract/hybrid-time';
import { syncLimits } from '@alcove/contract/limits';
import { createIds, type Ids } from '../../../platform/ids/index.ts';
import { rejections } from '../errors.ts';
import {
  type EpochRule,
  type Extent,
  findForgery,
  findForgotten,
  findOtherItem,
  findOverrun,
  findRetiredEpoch,
  type ItemPlace,
  isMending,
  type Refusal,
  type VaultLimits,
} from './admission.ts';
import { type AuthoredChange, readChange } from './change.ts';
import { type Currents, createCurrents } from './currents.ts';
import {
  type Arrival,
  arrange,
  changeToVersion,
  extentOf,
  findItem,
  type HeldItem,
  type HeldVersion,
  type IncomingVersion,
  isSame,
  writeItem,
} from './items.ts';
import type { VaultState, VaultStore } from './vault-store.ts';
import { countNamedDevices, weigh } from './versions.ts';

/** Who pushes, when, and what holds for the account. */
export interface Pusher {
  readonly deviceId: string;
  readonly nowMs: number;
  readonly epochs: EpochRule;
  readonly limits: VaultLimits;
}

export interface Batch extends Pusher {
  readonly store: VaultStore;
  /** `nowMs` as RFC 3339. */
  readonly at: string;
  readonly ids: Ids;
  /** As it was before. */
  readonly state: VaultState;
  readonly isMending: boolean;
  /** The highest counter that the vault knew of a device before. */
  knownCounterOf(deviceId: string): number;
  /** The highest counter of a device in any deletion that was forgotten. */
  collectedCounterOf(deviceId: string): number;
  /** The sequence number of the last change that was accepted. */
  head: number;
  items: number;
  bytes: number;
  conflictsOpen: number;
  /** The highest counter that the vault knows of the calling device. */
  counter: number;
  /** What a mending vault learns of other devices. */
  readonly learned: Map<string, number>;
  /** How far the furthest time lies ahead of ours. */
  aheadMs: number;
  readonly currents: Currents;
}

/** A clock further ahead than this is told so, and does not win by it. */
export const aheadMaxMs = 5 * 60 * 1000;
/** An item with more versions than this asks its owner to choose before it takes another. */
export const versionsPerItemMax = 32;
/** The same of one whose clocks and access counts name more devices in all: each push that speaks of the item reads them. */
export const devicesPerItemMax = 4 * syncLimits.devicesPerClockMax;
/** And of one whose versions come to more bytes in all: three of the largest that there are. */
export const bytesPerItemMax = 2 * 1024 * 1024;

export function createBatch(store: VaultStore, pusher: Pusher): Batch {
  const { deviceId, nowMs, epochs, limits } = pusher;
  const state = store.getState();
  return {
    deviceId,
    nowMs,
    epochs,
    limits,
    store,
    at: new Date(nowMs).toISOString(),
    ids: createIds({ now: () => nowMs }),
    state,
    isMending: isMending(state, nowMs),
    knownCounterOf: remembering((device) => store.devices.findCounter(device) ?? 0),
    collectedCounterOf: remembering((device) => store.devices.findCollectedCounter(device) ?? 0),
    head: state.head,
    items: state.items,
    bytes: state.bytes,
    conflictsOpen: state.conflictsOpen,
    counter: store.devices.findCounter(deviceId) ?? 0,
    learned: new Map(),
    aheadMs: 0,
    currents: createCurrents(store),
  };
}

/** `resolving`: the change is to end that item's conflict, and may leave no version beside it. */
export function takeChange(batch: Batch, raw: unknown, position: number, resolving?: ItemPlace): PushResult {
  const read = readChange(raw, batch.deviceId);
  if (!read.ok) return rejected(idOf(raw), read);
  const { change } = read;
  batch.aheadMs = Math.max(batch.aheadMs, change.atMs - batch.nowMs);
  const misplaced = resolving && findOtherItem(resolving, change);
  if (misplaced !== undefined) return rejected(change.id, misplaced);
  const item = findItem(batch.store.items, change);
  const forgery = findForgery(batch, change, item);
  if (forgery !== undefined) return rejected(change.id, forgery);
  const incoming = toVersion(batch, change);
  if (item === undefined) return hold(batch, change, { incoming, beside: [], item });
  const verdict = weigh(item.versions, incoming);
  switch (verdict.kind) {
    case 'again':
      return isSame(batch.store.items, change, verdict.version, incoming)
        ? { id: change.id, status: 'duplicate', seq: item.seq }
        : rejected(change.id, reused);
    case 'stale':
      batch.currents.show(change, position);
      return { id: change.id, status: 'stale', seq: showAgain(batch, change, item) };
    case 'held':
      if (resolving !== undefined && verdict.beside.length > 0) {
        batch.currents.show(change, position);
        return rejected(change.id, unseen(verdict.beside.length));
      }
      return hold(batch, change, { incoming, beside: verdict.beside, item });
  }
}

/**
 * Who sends again what a mending vault did not show it has not heard of its deletion: a first pull shows none. So the item
 * moves to where that device will read it. Answers where it is.
 */
function showAgain(batch: Batch, { kind, id, namesAuthor }: AuthoredChange, item: HeldItem): number {
  if (!batch.isMending || !namesAuthor || item.versions.some(({ deleted }) => !deleted)) return item.seq;
  batch.head += 1;
  batch.store.items.move(kind, id, batch.head);
  return batch.head;
}

/** Writes down what the changes did together. */
export function closeBatch(batch: Batch): void {
  const { store, at, head } = batch;
  if (head === batch.state.head) return;
  store.setExtent(batch);
  store.devices.raiseCounter(batch.deviceId, batch.counter, at);
  for (const [device, counter] of batch.learned) store.devices.raiseCounter(device, counter, at);
}

const reused: Refusal = {
  code: rejections.clockReused,
  detail:
    'the vault holds other content under the very same clock: this device was cloned or restored and needs a new identity',
};

const unseen = (count: number): Refusal => ({
  code: rejections.versionsUnseen,
  detail: `${count} of the versions in \`current\` were not seen: merge their clocks into that of the change`,
});

function toVersion({ nowMs }: Batch, change: AuthoredChange): IncomingVersion {
  const isAhead = change.atMs - nowMs > aheadMaxMs;
  return changeToVersion(change, isAhead ? formatHybridTime(nowMs, 0) : change.time);
}

function hold(batch: Batch, change: AuthoredChange, arrival: Arrival): PushResult {
  const { kind, id } = change;
  const { incoming, beside, item } = arrival;
  const next = arrange(kind, arrival);
  const growth = difference(next.extent, item === undefined ? nothing : extentOf(item.versions));
  const refusal =
    findRetiredEpoch(batch, change) ??
    findForgotten(batch, change) ??
    findCrowd(incoming, beside, next.extent.bytes) ??
    findOverrun(batch, growth, { isDeletion: incoming.deleted && item !== undefined });
  if (refusal !== undefined) return rejected(id, refusal);
  const seq = batch.head + 1;
  writeItem(batch.store.items, { kind, id, seq }, arrival, next);
  note(batch, change.clock, { seq, growth });
  return { id, ...settle(batch, { kind, id }, arrival, next.extent), seq };
}

const nothing: Extent = { items: 0, bytes: 0 };

const difference = (a: Extent, b: Extent): Extent => ({ items: a.items - b.items, bytes: a.bytes - b.bytes });

/** Each push that speaks of the item reads the clocks of all its versions. */
function findCrowd(
  incoming: HeldVersion,
  beside: readonly HeldVersion[],
  bytes: number,
): Refusal | undefined {
  if (beside.length === 0) return undefined;
  const devices = [incoming, ...beside].reduce((sum, version) => sum + countNamedDevices(version), 0);
  const isWithin =
    beside.length < versionsPerItemMax && devices <= devicesPerItemMax && bytes <= bytesPerItemMax;
  if (isWithin) return undefined;
  return {
    code: rejections.tooManyVersions,
    detail:
      `the item has ${beside.length} concurrent versions, and with this one they come to ${bytes} bytes and name ` +
      `${devices} devices: push one that has seen them before adding another`,
  };
}

function note(batch: Batch, clock: VectorClock, { seq, growth }: { seq: number; growth: Extent }): void {
  batch.head = seq;
  batch.items += growth.items;
  batch.bytes += growth.bytes;
  batch.counter = Math.max(batch.counter, counterOf(clock, batch.deviceId));
  if (!batch.isMending) return;
  for (const [device, counter] of Object.entries(clock)) {
    batch.learned.set(device, Math.max(counter, batch.learned.get(device) ?? 0));
  }
}

/**
 * Concurrent versions of an entry are an open conflict until a version has seen them all, unless its owner leaves the
 * choice to the last writer. When every one of them is a deletion there is nothing to decide.
 */
function settle(
  batch: Batch,
  { kind, id: itemId }: ItemPlace,
  { beside, item }: Arrival,
  after: Extent,
): Pick<PushResult, 'status' | 'conflictId'> {
  const { store, state, ids, at } = batch;
  const isForPerson = kind === 'entry' && state.entriesPolicy === 'manual';
  if (!isForPerson || beside.length === 0 || after.items === 0) {
    const hadSiblings = item !== undefined && item.versions.length > 1;
    if (kind === 'entry' && hadSiblings && store.conflicts.resolve(kind, itemId, at))
      batch.conflictsOpen -= 1;
    return { status: beside.length > 0 ? 'merged' : 'applied' };
  }
  const known = store.conflicts.findOpen(kind, itemId);
  if (known !== undefined) return { status: 'conflict', conflictId: known };
  const conflictId = ids.uuid();
  store.conflicts.open({ id: conflictId, kind, itemId, at });
  batch.conflictsOpen += 1;
  return { status: 'conflict', conflictId };
}

function rejected(id: string, { code, detail }: Refusal): PushResult {
  return { id, status: 'rejected', code, detail };
}

/** So that the caller finds its change again, even one whose id is what is wrong. */
export function idOf(raw: unknown): string {
  const hasId = typeof raw === 'object' && raw !== null && 'id' in raw && typeof raw.id === 'string';
  return hasId ? String(raw.id).slice(0, 64) : '';
}

function remembering(read: (key: string) => number): (key: string) => number {
  const known = new Map<string, number>();
  return (key) => {
    let value = known.get(key);
    if (value === undefined) {
      value = read(key);
      known.set(key, value);
    }
    return value;
  };
}
