/** Gives a queued edit another clock, and seals it with the current key: it is then a new edit of the same content. */
import type { VectorClock } from '@alcove/contract/clock';
import { compareClocks } from '@alcove/contract/clock';
import { openContent, type QueueRow, sealVersion } from './edits.ts';
import { AlcoveError } from './errors.ts';
import { type ItemRef, isSameContent, type StoredItem, type StoredVersion, supersede } from './items.ts';
import type { EpochKey, Keyring } from './keyring.ts';
import type { QueuedChange } from './records.ts';

/** What the edit becomes. */
export interface NewStamp {
  readonly deviceId: string;
  readonly counter: number;
  readonly clock: VectorClock;
  readonly epochKey: EpochKey;
}

export interface RestampParts {
  readonly accountId: string;
  /** Whose edit it was. */
  readonly deviceId: string;
  readonly keyring: Keyring;
  readonly readItem: (ref: ItemRef) => Promise<StoredItem | undefined>;
}

export async function restamp(
  { change, base = {} }: QueuedChange,
  { counter, clock, epochKey, ...stamp }: NewStamp,
  { accountId, deviceId, keyring, readItem }: RestampParts,
): Promise<{ row: QueueRow; item: StoredItem }> {
  const { kind, id, time, op, epoch, meta, payload = '' } = change;
  const head = { clock: change.clock, time, deviceId, epoch, deleted: op === 'delete' };
  const key = await keyring.find(epoch);
  const content = key && (await openContent(key, accountId, change, head, payload));
  if (content === undefined) throw lost(id);
  const before: StoredVersion = { ...head, ...(meta === undefined ? {} : { meta }), ...content };
  const version = { ...before, ...stamp, clock, epoch: epochKey.epoch };
  const sealed = await sealVersion({ kind, id }, version, accountId, async () => epochKey.key);
  const { deviceId: _own, ...unsigned } = sealed;
  const item = await readItem({ kind, id });
  const others = (item?.versions ?? []).filter((known) => !isSameVersion(known, before));
  return {
    row: { counter, base, change: unsigned },
    item: { ...item, kind, id, versions: supersede(others, version) },
  };
}

function lost(id: string): AlcoveError {
  return new AlcoveError('storage.failed', `The queued change of item ${id} does not open any more.`);
}

function isSameVersion(a: StoredVersion, b: StoredVersion): boolean {
  return compareClocks(a.clock, b.clock) === 'equal' && isSameContent(a, b);
}
