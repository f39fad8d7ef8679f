/** The rows of a vault, as they lie in the server's file, and what keys make of them. */
import { join } from 'node:path';
import type { Kind, Storage } from '@alcove/client';
import { fromBase64Url } from '@alcove/contract/base64url';
import type { VectorClock } from '@alcove/contract/clock';
import { openVaultFile } from '@alcove/server/testing';
import { importEpochKey, open } from '../../src/crypto/envelope.ts';

const tables = { entry: 'synced_entries', memory: 'synced_memories', tag: 'synced_tags' } as const;
/** What a row counts beside its texts. */
const rowBytes = 200;

/** One version that the server holds. */
export interface Row {
  readonly kind: Kind;
  readonly id: string;
  /** Of the item, which all of its versions share. */
  readonly seq: number;
  readonly isLeader: boolean;
  readonly clock: VectorClock;
  readonly time: string;
  readonly deviceId: string;
  readonly epoch: number;
  readonly deleted: boolean;
  readonly payload: string;
  readonly bytes: number;
}

export interface Rows {
  readonly rows: readonly Row[];
  /** What the vault says of itself. */
  readonly counted: { readonly head: number; readonly items: number; readonly bytes: number };
}

export function readRows(dataDir: string, vault: string): Rows {
  const file = join(dataDir, 'vaults', vault.slice(0, 2), `${vault}.db`);
  using database = openVaultFile(file);
  const rows = Object.entries(tables).flatMap(([kind, table]) => {
    const leaders = database.prepare(`SELECT *, 1 AS leads FROM ${table} ORDER BY seq`).all();
    const siblings = database.prepare(
      `SELECT s.*, i.seq, i.id, 0 AS leads FROM siblings s JOIN ${table} i ON i.id = s.item_id WHERE s.kind = '${kind}'`,
    );
    return [...leaders, ...siblings.all()].map((row) => toRow(kind, row));
  });
  const { head, items, bytes } = database.prepare('SELECT head, items, bytes FROM meta').get() ?? {};
  return { rows, counted: { head: Number(head), items: Number(items), bytes: Number(bytes) } };
}

function toRow(kind: string, row: Record<string, unknown>): Row {
  const [clock, payload, meta] = [row.clock, row.payload, row.meta].map((text) => String(text ?? ''));
  return {
    kind: kind === 'entry' || kind === 'memory' ? kind : 'tag',
    id: String(row.id),
    seq: Number(row.seq),
    isLeader: row.leads === 1,
    clock: JSON.parse(clock ?? '{}'),
    time: String(row.time),
    deviceId: String(row.device_id),
    epoch: Number(row.epoch),
    deleted: row.deleted === 1,
    payload: payload ?? '',
    bytes: `${clock}${payload}${meta}`.length + rowBytes,
  };
}

/** Tries every epoch key that a store holds, whichever the row names. `undefined` when none opens it. */
export type Opener = (row: Row) => Promise<string | undefined>;

export async function openerWith(storage: Storage, account: string): Promise<Opener> {
  const store = await storage.open();
  const records = (await store.scan('epoch/')).map(([, text]) => JSON.parse(text));
  await store.close();
  const keys = await Promise.all(records.map(({ key }) => importEpochKey(fromBase64Url(key))));
  return async (row) => {
    for (const key of keys) {
      const bytes = await open(key, { account, ...row }, row.payload);
      if (bytes !== undefined) return new TextDecoder().decode(bytes);
    }
    return undefined;
  };
}
