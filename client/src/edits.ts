/** What an edit becomes: a version with its clock and time, and the sealed change that tells the server of it. */
import type { Change, Kind, Meta } from '@alcove/contract';
import { counterOf, descends, mergeClocks, tickClock, type VectorClock } from '@alcove/contract/clock';
import { nextHybridTime } from '@alcove/contract/hybrid-time';
import { syncLimits } from '@alcove/contract/limits';
import { open, seal } from './crypto/envelope.ts';
import { AlcoveError } from './errors.ts';
import { type ItemRef, latestTime, type StoredVersion, versionToClock } from './items.ts';
import type { EpochKey } from './keyring.ts';
import { withCountsOf } from './meta.ts';
import type { IdentityRecord, TickRecord } from './records.ts';

const utf8 = new TextEncoder();

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

/** An edit with everything decided but its ciphertext. */
export interface PlannedEdit {
  readonly edit: Edit;
  readonly version: StoredVersion;
  readonly counter: number;
  /** What it has seen of that which the server has confirmed. */
  readonly base: VectorClock;
}

/** A change as it is queued. */
export interface QueueRow {
  readonly counter: number;
  readonly change: Change;
  readonly base: VectorClock;
}

export interface EditState {
  readonly identity: IdentityRecord;
  readonly epoch: number;
  readonly tick: TickRecord;
  readonly nowMs: number;
  /** Which siblings and unreadable versions the app was shown. */
  readonly shown: VectorClock | undefined;
  /** Versions of this device that still wait, each with its base. */
  readonly waiting: ReadonlyMap<StoredVersion, VectorClock>;
}

export function planEdit(edit: Edit, known: readonly StoredVersion[], state: EditState): PlannedEdit {
  const { identity, epoch, tick, nowMs, shown, waiting } = state;
  const { deviceId } = identity;
  const own = [...waiting.keys()].map(({ clock }) => clock);
  const seen = mergeClocks(baseClock(edit, known, shown), ...own);
  // A copy of this store may have given out higher counters, and its versions are known here already.
  const counter = Math.max(tick.counter, ...known.map(({ clock }) => counterOf(clock, deviceId))) + 1;
  const version: StoredVersion = {
    clock: tickClock(seen, deviceId, counter),
    time: nextHybridTime(latestTime(known, tick.time, nowMs), nowMs),
    deviceId,
    epoch,
    deleted: edit.text === undefined,
    ...(edit.text === undefined ? {} : { value: JSON.parse(edit.text) }),
    ...metaOf(edit, known),
  };
  return { edit, version, counter, base: confirmedBase(seen, waiting, deviceId) };
}

/** How often a memory was opened only ever grows, whatever an edit says of it and even through its deletion. */
function metaOf({ kind, meta }: Edit, known: readonly StoredVersion[]): Pick<StoredVersion, 'meta'> {
  const joined = kind === 'memory' ? withCountsOf(meta, known) : meta;
  return joined === undefined ? {} : { meta: joined };
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

/** In place of what still waits: what that was based on. */
function confirmedBase(
  seen: VectorClock,
  waiting: ReadonlyMap<StoredVersion, VectorClock>,
  deviceId: string,
): VectorClock {
  const bases = [...waiting].filter(([{ clock }]) => descends(seen, clock)).map(([, base]) => base);
  if (bases.length === 0) return seen;
  return withEntry(seen, deviceId, Math.max(...bases.map((base) => counterOf(base, deviceId))));
}

/** The clock with this entry for the device, and with none for zero. */
export function withEntry(clock: VectorClock, deviceId: string, counter: number): VectorClock {
  const { [deviceId]: _before, ...others } = clock;
  return counter === 0 ? others : { ...others, [deviceId]: counter };
}

export async function sealPlan(
  { edit, version, counter, base }: PlannedEdit,
  accountId: string,
  { epoch, key }: EpochKey,
): Promise<QueueRow> {
  const { kind, id, text } = edit;
  const { clock, time, meta } = version;
  const head = { id, kind, clock, time, epoch, ...(meta === undefined ? {} : { meta }) };
  if (text === undefined) return { counter, base, change: { ...head, op: 'delete' } };
  const payload = await seal(key, { account: accountId, kind, id, epoch, clock }, utf8.encode(text));
  if (payload.length > syncLimits.payloadLengthMax) throw tooLarge(id, payload.length);
  return { counter, base, change: { ...head, op: 'put', payload } };
}

/** A version as its writer sealed it: sealed again it is the same. */
export async function sealVersion(
  { kind, id }: ItemRef,
  version: StoredVersion,
  accountId: string,
  findKey: (epoch: number) => Promise<CryptoKey | undefined>,
): Promise<Change> {
  const { clock, time, deviceId, epoch, meta, deleted, value, unopened } = version;
  const head = { id, kind, clock, time, epoch, deviceId, ...(meta === undefined ? {} : { meta }) };
  if (deleted) return { ...head, op: 'delete' };
  if (unopened !== undefined) return { ...head, op: 'put', payload: unopened.payload };
  const key = await findKey(epoch);
  if (key === undefined) throw new Error(`a version was opened with epoch ${epoch}, whose key is not there`);
  const place = { account: accountId, kind, id, epoch, clock };
  return { ...head, op: 'put', payload: await seal(key, place, utf8.encode(JSON.stringify(value))) };
}

/** The JSON value of a payload, or `undefined` when it does not open in this place. */
export async function openValue(
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

function tooLarge(id: string, length: number): AlcoveError {
  return new AlcoveError(
    'vault.item_too_large',
    `Item ${id} is ${length} characters when sealed; at most ${syncLimits.payloadLengthMax} are taken.`,
  );
}
