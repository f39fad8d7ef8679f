/** Items as they are read: by the app, which shows them, or by programs, which show them to nobody. */
import type { Kind } from '@alcove/contract';
import type { VectorClock } from '@alcove/contract/clock';
import { type Conflict, toConflict } from '../conflicts.ts';
import {
  type ItemRef,
  itemKey,
  type StoredItem,
  toShownClocks,
  toVaultItem,
  type VaultItem,
} from '../items.ts';
import { recordKeys, requireIdentity } from '../records.ts';
import { findItem, type StoreParts } from './parts.ts';

const kinds: readonly Kind[] = ['entry', 'memory', 'tag'];
/** How many items `each` reads at once. */
const partItems = 100;

/** Which siblings the app was shown: only then may its next edit supersede them. */
export type Shown = Map<string, VectorClock>;

export interface Reading {
  find(ref: ItemRef): Promise<VaultItem | undefined>;
  list(kind?: Kind): Promise<VaultItem[]>;
  findMany(refs: readonly ItemRef[]): Promise<(VaultItem | undefined)[]>;
  each(kind?: Kind): AsyncIterable<VaultItem>;
  conflicts(): Promise<Conflict[]>;
}

export function createReading({ records, queue }: StoreParts, shown: Shown): Reading {
  async function toShown(item: StoredItem | undefined): Promise<VaultItem | undefined> {
    if (item === undefined) return undefined;
    const { deviceId } = await requireIdentity(records);
    const isPlain = item.versions.length === 1 && item.versions[0].unopened === undefined;
    if (!isPlain) shown.set(itemKey(item), toShownClocks(item.versions).opened);
    return toVaultItem(item, (await queue.unsyncedBy(deviceId))(item));
  }

  async function toRead(items: readonly (StoredItem | undefined)[]): Promise<(VaultItem | undefined)[]> {
    const { deviceId } = await requireIdentity(records);
    const unsyncedIn = await queue.unsyncedBy(deviceId);
    return items.map((item) => (item === undefined ? undefined : toVaultItem(item, unsyncedIn(item))));
  }

  async function* each(only?: Kind): AsyncGenerator<VaultItem, void> {
    for (const kind of only === undefined ? kinds : [only]) {
      let last: StoredItem | undefined;
      do {
        const part = await queue.exclusively(() => readPart(kind, last));
        yield* part.items.filter((item) => item !== undefined);
        last = part.last;
      } while (last !== undefined);
    }
  }

  /** The next items of a kind, so that no more of a large vault is in memory at once. */
  async function readPart(kind: Kind, before: StoredItem | undefined) {
    const prefix = recordKeys.items(kind);
    const after = before === undefined ? prefix.key : recordKeys.item(kind, before.id).key;
    const stored = await records.scan(prefix, { after, limit: partItems });
    return { items: await toRead(stored), last: stored.at(-1) };
  }

  async function conflicts(): Promise<Conflict[]> {
    const { deviceId } = await requireIdentity(records);
    const found = (await records.scan(recordKeys.conflicts)).map(async (ref) => {
      const item = await findItem(records, ref);
      return item === undefined ? undefined : toConflict(item, deviceId);
    });
    return (await Promise.all(found)).filter((conflict) => conflict !== undefined);
  }

  return {
    find: async (ref) => toShown(await findItem(records, ref)),
    async list(kind) {
      const items = await Promise.all((await records.scan(recordKeys.items(kind))).map(toShown));
      return items.filter((item) => item !== undefined);
    },
    findMany: async (refs) => toRead(await Promise.all(refs.map((ref) => findItem(records, ref)))),
    each,
    conflicts,
  };
}
