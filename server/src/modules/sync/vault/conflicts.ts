/** Lists conflicts, with every version that is held of their items. */
import type { Conflict, ConflictList, Version } from '@alcove/contract';
import type { VaultDatabase } from '../../../platform/vaults/index.ts';
import type { ConflictRow } from './conflict-store.ts';
import { type VersionRow, weightOf } from './item-store.ts';
import { readStored } from './stored-json.ts';
import { createVaultStore, type VaultStore } from './vault-store.ts';

export interface ConflictsInput {
  readonly state: Conflict['state'];
  readonly limit: number;
  /** The id of the last conflict that was read. */
  readonly cursor: string | undefined;
}

/** As with a pull, a page is also bounded by what its versions weigh, and shows at least one conflict. */
const pageBytesMax = 4 * 1024 * 1024;

export function conflicts(vault: VaultDatabase, { state, limit, cursor = '' }: ConflictsInput): Uint8Array {
  const store = createVaultStore(vault);
  const found = store.conflicts.list(state, cursor, limit + 1);
  const data = readWithin(store, found.slice(0, limit));
  const nextCursor = data.length < found.length ? (data.at(-1)?.id ?? null) : null;
  return Buffer.from(JSON.stringify({ data, nextCursor } satisfies ConflictList));
}

function readWithin(store: VaultStore, found: readonly ConflictRow[]): Conflict[] {
  const read: Conflict[] = [];
  let bytes = 0;
  for (const conflict of found) {
    const rows = store.items.listVersions(conflict.kind, conflict.itemId);
    bytes += rows.reduce((sum, row) => sum + weightOf(row), 0);
    if (bytes > pageBytesMax && read.length > 0) return read;
    read.push({ ...conflict, versions: rows.map(toVersion) });
  }
  return read;
}

function toVersion({ clock, time, device_id, epoch, deleted, payload, meta }: VersionRow): Version {
  return {
    clock: readStored(clock),
    time,
    deviceId: device_id,
    epoch,
    deleted: deleted === 1,
    ...(payload === null ? {} : { payload }),
    ...(meta === null ? {} : { meta: readStored(meta) }),
  };
}
