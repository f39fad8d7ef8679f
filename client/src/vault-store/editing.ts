/** Edits of this device: each becomes a version, and a sealed change in the queue, in one write. */
import { counterOf, type VectorClock } from '@alcove/contract/clock';
import { type Edit, type PlannedEdit, planEdit, type QueueRow, sealPlan, withEntry } from '../edits.ts';
import { baseOfEdit, itemKey, type StoredItem, type StoredVersion, supersede } from '../items.ts';
import type { IsUnsynced } from '../queue.ts';
import { type IdentityRecord, put, recordKeys, remove, requireMember, type TickRecord } from '../records.ts';
import { findItem, type ItemChange, itemWrites, type StoreParts } from './parts.ts';
import type { Shown } from './reading.ts';

export interface Editing {
  write(edits: readonly Edit[]): Promise<ItemChange[]>;
}

export function createEditing({ records, keyring, queue, now }: StoreParts, shown: Shown): Editing {
  async function write(edits: readonly Edit[]): Promise<ItemChange[]> {
    const identity = await requireMember(records);
    const epochKey = await keyring.current();
    const isQueuedIn = await queue.unsyncedBy(identity.deviceId);
    const draft = new Map<string, StoredItem>();
    const planned = new Map<StoredVersion, PlannedEdit>();
    let tick = (await records.read(recordKeys.tick)) ?? { counter: 0 };
    for (const edit of edits) {
      const before = draft.get(itemKey(edit)) ?? (await findItem(records, edit));
      const known = before?.versions ?? [];
      const isUnsynced: IsUnsynced = (version) => planned.has(version) || isQueuedIn(edit)(version);
      const plan = planEdit(edit, known, {
        identity,
        epoch: epochKey.epoch,
        tick,
        nowMs: now(),
        shown: shown.get(itemKey(edit)),
        waiting: await basesOf(known.filter(isUnsynced), planned, identity),
      });
      tick = { counter: plan.counter, time: plan.version.time };
      const versions = supersede(known, plan.version);
      const { kind, id } = edit;
      draft.set(itemKey(edit), { ...before, kind, id, versions, ...baseOfEdit(before, isUnsynced) });
      planned.set(plan.version, plan);
    }
    const plans = [...planned.values()];
    const rows = await Promise.all(plans.map((plan) => sealPlan(plan, identity.accountId, epochKey)));
    await store(draft, lastOfEach(rows), tick);
    for (const key of draft.keys()) shown.delete(key);
    return [...draft.values()].map(({ kind, id }) => ({ kind, id }));
  }

  /** Versions that still wait, each with what it was based on. */
  async function basesOf(
    own: readonly StoredVersion[],
    planned: ReadonlyMap<StoredVersion, PlannedEdit>,
    { deviceId }: IdentityRecord,
  ): Promise<Map<StoredVersion, VectorClock>> {
    const bases = new Map<StoredVersion, VectorClock>();
    for (const version of own) {
      const queued = await records.read(recordKeys.queued(counterOf(version.clock, deviceId)));
      const seen = withEntry(version.clock, deviceId, 0);
      bases.set(version, planned.get(version)?.base ?? queued?.base ?? seen);
    }
    return bases;
  }

  /** A newer edit of an item takes the place of the one that still waited, unless that one may be under way. */
  async function store(draft: Map<string, StoredItem>, rows: readonly QueueRow[], tick: TickRecord) {
    const sent = new Set((await records.read(recordKeys.sending))?.counters);
    const waiting = [...(await queue.entries()).values()];
    const removed = waiting
      .filter((entry) => draft.has(itemKey(entry)) && !sent.has(entry.counter))
      .map(({ counter }) => counter);
    const writes = [
      ...removed.map((counter) => remove(recordKeys.queued(counter))),
      ...rows.map(({ counter, ...row }) => put(recordKeys.queued(counter), row)),
      ...[...draft.values()].flatMap(itemWrites),
      put(recordKeys.tick, tick),
    ];
    const added = rows.map(({ counter, change: { kind, id } }) => ({ counter, kind, id }));
    await queue.commit(writes, { removed, put: added });
  }

  return { write };
}

/** When one call edits an item several times, only the last edit travels. */
function lastOfEach(rows: readonly QueueRow[]): QueueRow[] {
  const last = new Map(rows.map((row) => [itemKey(row.change), row]));
  return [...last.values()];
}
