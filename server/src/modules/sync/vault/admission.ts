/** What a change has to satisfy beside being well-formed. Each check answers why the change is refused, if it is. */
import type { Kind } from '@alcove/contract';
import { counterOf } from '@alcove/contract/clock';
import { type Rejection, rejections } from '../errors.ts';
import type { Batch } from './batch.ts';
import type { AuthoredChange } from './change.ts';
import type { HeldItem } from './items.ts';
import { silentAfterMs } from './silence.ts';
import type { VaultState } from './vault-store.ts';
import { counterSeenBy } from './versions.ts';

export interface Refusal {
  readonly code: Rejection;
  readonly detail: string;
}

/** The epoch that is to be sealed with, 0 before the first, and the oldest that is still taken. */
export interface EpochRule {
  readonly epochCurrent: number;
  readonly epochOldest: number;
}

/** How much a vault may hold. */
export interface VaultLimits {
  readonly items: number;
  readonly bytes: number;
}

/** What an item comes to. */
export interface Extent {
  readonly items: number;
  readonly bytes: number;
}

export interface ItemPlace {
  readonly kind: Kind;
  readonly id: string;
}

/**
 * Whether devices may know more than the vault: it was restored from a backup, and whoever had read further sends again
 * what was lost. A device that was silent for longer is not waited for.
 */
export function isMending({ restoredAt }: VaultState, nowMs: number): boolean {
  return restoredAt !== null && nowMs - Date.parse(restoredAt) < silentAfterMs;
}

/** Only its own device may push a change, and only that entry of its clock may grow; else any device could forge an order. */
export function findForgery(
  batch: Batch,
  change: AuthoredChange,
  item: HeldItem | undefined,
): Refusal | undefined {
  if (batch.isMending) return undefined;
  if (change.deviceId !== batch.deviceId) {
    return {
      code: rejections.invalidChange,
      detail:
        'deviceId must be the calling device: this vault has lost nothing that another one would send again',
    };
  }
  for (const [device, counter] of Object.entries(change.clock)) {
    if (device === batch.deviceId) continue;
    // A device may remember what a deletion had seen that the vault has forgotten.
    const known =
      item === undefined
        ? batch.knownCounterOf(device)
        : Math.max(counterSeenBy(item.versions, device), batch.collectedCounterOf(device));
    if (counter > known) {
      return {
        code: rejections.clockForged,
        detail: `clock.${device} must be at most ${known}, what the vault has of that device, got ${counter}`,
      };
    }
  }
  return undefined;
}

/**
 * What a restored vault has lost was sealed with the key of its time, and is sent again as it was. It names its author; of
 * a change that names none, its time has to say that it is from before the restore.
 */
export function findRetiredEpoch(batch: Batch, change: AuthoredChange): Refusal | undefined {
  const { epochs, state } = batch;
  const { epoch, atMs, namesAuthor } = change;
  if (epoch >= epochs.epochOldest) return undefined;
  // A clock that runs ahead dates its edits after a restore that they came before.
  if (batch.isMending && namesAuthor) return undefined;
  if (state.restoredAt !== null && atMs <= Date.parse(state.restoredAt)) return undefined;
  return {
    code: rejections.epochRetired,
    detail: `epoch must be ${epochs.epochCurrent}, got ${epoch}: seal the change with the current key, as a new edit`,
  };
}

/**
 * A clock that says nothing a forgotten deletion did not know may be that of a version which was deleted: it must neither
 * come back nor stand beside what was made of the item since.
 */
export function findForgotten(batch: Batch, change: AuthoredChange): Refusal | undefined {
  const { clock, deviceId } = change;
  const isBeyond = (device: string) => counterOf(clock, device) > batch.collectedCounterOf(device);
  // Nearly every change is beyond in its own entry, so that one is looked at first.
  if (isBeyond(deviceId) || Object.keys(clock).some(isBeyond)) return undefined;
  return {
    code: rejections.clockForgotten,
    detail:
      'the vault may have forgotten a deletion that has seen this change: pull, then write it as a new edit',
  };
}

/** So far beyond the quota deletions may go that add something: their meta and clocks would otherwise know no bound. */
export const deletionReserveBytes = 64 * 1024 * 1024;

/** Whatever makes room is always taken. */
export function findOverrun(
  { limits, items, bytes }: Pick<Batch, 'limits' | 'items' | 'bytes'>,
  growth: Extent,
  { isDeletion }: { readonly isDeletion: boolean },
): Refusal | undefined {
  const bytesMax = limits.bytes + (isDeletion ? deletionReserveBytes : 0);
  if (growth.bytes > 0 && bytes + growth.bytes > bytesMax) {
    return {
      code: rejections.quotaExceeded,
      detail: `the vault holds ${bytes} of ${limits.bytes} bytes, and the change adds ${growth.bytes}`,
    };
  }
  if (growth.items > 0 && items + growth.items > limits.items) {
    return { code: rejections.quotaExceeded, detail: `the vault holds ${items} of ${limits.items} items` };
  }
  return undefined;
}

/** A resolution speaks of its conflict's item. */
export function findOtherItem(place: ItemPlace, { kind, id }: AuthoredChange): Refusal | undefined {
  if (place.kind === kind && place.id === id) return undefined;
  return { code: rejections.otherItem, detail: `the conflict is about the ${place.kind} ${place.id}` };
}
