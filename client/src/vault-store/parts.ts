/** What the steps of the vault's store have in common: what they are made from, and how an item is written. */
import { type Conflict, isInConflict, isNews, toConflict } from '../conflicts.ts';
import type { ItemRef, StoredItem, StoredVersion } from '../items.ts';
import type { Keyring } from '../keyring.ts';
import type { Queue } from '../queue.ts';
import { type IdentityRecord, put, type Records, recordKeys, remove, type SyncRecord } from '../records.ts';
import type { StorageWrite } from '../storage/storage.ts';

export interface StoreParts {
  readonly records: Records;
  readonly keyring: Keyring;
  readonly queue: Queue;
  readonly now: () => number;
}

/** From where a pull goes on. */
export type Position = Pick<SyncRecord, 'cursor' | 'resync'>;

/** What a write did to an item. */
export interface ItemChange extends ItemRef {
  /** Set when the write brought a version that stands beside another one, for a person to decide. */
  readonly newConflict?: Conflict;
}

/** Where the vault has an item; a server that does not say may have it nowhere. */
export interface ItemPlace {
  readonly ref: ItemRef;
  readonly seq: number | undefined;
}

export function findItem(records: Records, { kind, id }: ItemRef): Promise<StoredItem | undefined> {
  return records.read(recordKeys.item(kind, id));
}

export async function readSync(records: Records): Promise<SyncRecord> {
  return (await records.read(recordKeys.sync)) ?? {};
}

/** False when another client of the store has pulled meanwhile: what was pulled from here is old news. */
export function isAt(sync: Position, { cursor, resync }: Position): boolean {
  return sync.cursor === cursor && sync.resync?.stamp === resync?.stamp;
}

export function itemWrites(item: StoredItem): StorageWrite[] {
  const { kind, id } = item;
  const stored = put(recordKeys.item(kind, id), item);
  if (kind !== 'entry') return [stored];
  const conflict = recordKeys.conflict(kind, id);
  return [stored, isInConflict(item) ? put(conflict, { kind, id }) : remove(conflict)];
}

/** A vault that is put back to before this place has lost what was sent, though no pull has shown it here yet. */
export async function placeWrites(records: Records, taken: readonly ItemPlace[]): Promise<StorageWrite[]> {
  const items = await Promise.all(taken.map(({ ref }) => findItem(records, ref)));
  return items.flatMap((item, at) => {
    if (item === undefined) return [];
    const { seq: _before, ...rest } = item;
    const seq = taken[at]?.seq;
    return [put(recordKeys.item(item.kind, item.id), { ...rest, ...(seq === undefined ? {} : { seq }) })];
  });
}

export function toItemChange(
  item: StoredItem,
  known: readonly StoredVersion[],
  { deviceId }: IdentityRecord,
): ItemChange {
  const { kind, id } = item;
  const newConflict = isNews(item, known) ? toConflict(item, deviceId) : undefined;
  return { kind, id, ...(newConflict === undefined ? {} : { newConflict }) };
}
