/** What an edit becomes: a version with its clock and time, and the sealed change that tells the server of it. */
import type { Change, Kind, Meta } from '@alcove/contract';
import { counterOf, mergeClocks, tickClock, type VectorClock } from '@alcove/contract/clock';
import { nextHybridTime } from '@alcove/contract/hybrid-time';
import { syncLimits } from '@alcove/contract/limits';
import { open, type Place, seal } from './crypto/envelope.ts';
import { AlcoveError } from './errors.ts';
import { type ItemRef, latestTime, type StoredVersion, versionToClocks } from './items.ts';
import type { EpochKey } from './keyring.ts';
import { withCountsOf } from './meta.ts';
import type { IdentityRecord, TickRecord } from './records.ts';

const utf8 = new TextEncoder();
/** What a deletion seals. */
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
  /** Somebody has decided it over all that `basedOn` names, also over what does not open. */
  readonly isResolution?: true;
}

/** An edit with everything decided but its ciphertext. */
export interface PlannedEdit {
  readonly edit: Edit;
  readonly version: StoredVersion;
  readonly counter: number;
  /** What it has seen of that which the server has confirmed and which opens here. */
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
  /** Which siblings the app was shown. */
  readonly shown: VectorClock | undefined;
  /** Versions of this device that still wait, each with its base. */
  readonly waiting: ReadonlyMap<StoredVersion, VectorClock>;
}

export function planEdit(edit: Edit, known: readonly StoredVersion[], state: EditState): PlannedEdit {
  const { identity, epoch, tick, nowMs, shown, waiting } = state;
  const { deviceId } = identity;
  const own = [...waiting.keys()].map(({ clock }) => clock);
  const base = baseClock(edit, known, shown);
  const seen = mergeClocks(base, decidedClock(edit), ...own);
  // A copy of this store may have given out higher counters, and its versions are known here already.
  const proved = known.filter(({ unopened }) => unopened === undefined);
  const counter = Math.max(tick.counter, ...proved.map(({ clock }) => counterOf(clock, deviceId))) + 1;
  const version: StoredVersion = {
    clock: tickClock(seen, deviceId, counter),
    time: nextHybridTime(latestTime(known, tick.time, nowMs), nowMs),
    deviceId,
    epoch,
    deleted: edit.text === undefined,
    ...(edit.text === undefined ? {} : { value: JSON.parse(edit.text) }),
    ...metaOf(edit, known),
  };
  return { edit, version, counter, base: confirmedBase(base, [...waiting.values()], deviceId) };
}

/** How often a memory was opened only ever grows, whatever an edit says of it and even through its deletion. */
function metaOf({ kind, meta }: Edit, known: readonly StoredVersion[]): Pick<StoredVersion, 'meta'> {
  const joined = kind === 'memory' ? withCountsOf(meta, known) : meta;
  return joined === undefined ? {} : { meta: joined };
}

/**
 * What an edit supersedes: what the app can have seen of the item, not what a sync brought meanwhile. The own version
 * that still waits in the queue is always part of it, for the edit takes its place there.
 *
 * Never part of it is what does not open. Its counters may be a lie, and an edit that repeated them would supersede what
 * nobody has seen, on every device. Beside the edit it is a conflict at worst.
 */
function baseClock(edit: Edit, known: readonly StoredVersion[], seen: VectorClock | undefined): VectorClock {
  if (edit.basedOn !== undefined) return versionToClocks(edit.basedOn).opened;
  const [leader] = known;
  const leading = leader === undefined || leader.unopened !== undefined ? {} : leader.clock;
  return mergeClocks(leading, seen ?? {});
}

/** What does not open can end by a decision only. If its counters are a lie, the vault refuses them, see `isOverstated`. */
function decidedClock({ basedOn, isResolution }: Edit): VectorClock {
  return isResolution === true && basedOn !== undefined ? versionToClocks(basedOn).unopened : {};
}

/** In place of what still waits: what that was based on. */
function confirmedBase(base: VectorClock, waiting: readonly VectorClock[], deviceId: string): VectorClock {
  if (waiting.length === 0) return base;
  const own = Math.max(...waiting.map((each) => counterOf(each, deviceId)));
  return withEntry(mergeClocks(base, ...waiting), deviceId, own);
}

/** The clock with this entry for the device, and with none for zero. */
export function withEntry(clock: VectorClock, deviceId: string, counter: number): VectorClock {
  const { [deviceId]: _before, ...others } = clock;
  return counter === 0 ? others : { ...others, [deviceId]: counter };
}

export async function sealPlan(
  { edit, version, counter, base }: PlannedEdit,
  accountId: string,
  { key }: EpochKey,
): Promise<QueueRow> {
  const { text = nothing } = edit;
  const payload = await seal(key, placeOf(accountId, edit, version), utf8.encode(text));
  if (payload.length > syncLimits.payloadLengthMax) throw tooLarge(edit.id, payload.length);
  return { counter, base, change: { ...headOf(edit, version), payload } };
}

/** A version as its writer sealed it: sealed again it is the same. */
export async function sealVersion(
  item: ItemRef,
  version: StoredVersion,
  accountId: string,
  findKey: (epoch: number) => Promise<CryptoKey | undefined>,
): Promise<Change> {
  const { deviceId, epoch, deleted, value, unopened } = version;
  const head = { ...headOf(item, version), deviceId };
  if (unopened !== undefined)
    return deleted && unopened.payload === nothing ? head : { ...head, payload: unopened.payload };
  const key = await findKey(epoch);
  if (key === undefined) throw new Error(`a version was opened with epoch ${epoch}, whose key is not there`);
  const text = deleted ? nothing : JSON.stringify(value);
  return { ...head, payload: await seal(key, placeOf(accountId, item, version), utf8.encode(text)) };
}

/** What is sent of a version in the open. */
function headOf({ kind, id }: ItemRef, { clock, time, epoch, deleted, meta }: StoredVersion): Change {
  const op = deleted ? 'delete' : 'put';
  return { id, kind, op, clock, time, epoch, ...(meta === undefined ? {} : { meta }) };
}

/** What is sealed with it. */
type Sealed = Pick<StoredVersion, 'clock' | 'time' | 'deviceId' | 'epoch' | 'deleted'>;

function placeOf(account: string, { kind, id }: ItemRef, version: Sealed): Place {
  const { clock, time, deviceId, epoch, deleted } = version;
  return { account, kind, id, epoch, clock, deviceId, time, deleted };
}

/** What a payload says of the version that came with it, or `undefined` when it was not sealed for this one. */
export async function openContent(
  key: CryptoKey,
  accountId: string,
  item: ItemRef,
  version: Sealed,
  payload: string,
): Promise<Pick<StoredVersion, 'value'> | undefined> {
  const bytes = await open(key, placeOf(accountId, item, version), payload);
  if (bytes === undefined) return undefined;
  if (version.deleted) return {};
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) };
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
