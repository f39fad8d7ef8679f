/** One row as the server stores it, read from the vault's file past the server. */
import { copyFile, mkdtemp, opendir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';

export type StoredRow = Readonly<Record<string, SQLOutputValue>>;

/** What each column of an entry says, in words. */
export const columnMeanings: Readonly<Record<string, string>> = {
  seq: 'the place in the order of arrival',
  id: 'the name of the item, chosen by the device',
  sibling_count: 'how many other versions stand beside this one',
  live: 'whether anything of it is not deleted',
  clock: 'which edits of which device this version has seen',
  time: "when it was written, by the device's clock",
  order_time: 'the time that orders it, where that clock ran ahead',
  device_id: 'which device wrote it',
  epoch: 'which of the keys it is sealed with; not the key',
  deleted: 'whether this version is a deletion',
  payload: 'the entry, sealed: padded and encrypted, base64url',
  meta: 'what the app says in the open; this app says nothing',
};

/** Searches the vaults in use for an entry. Undefined where none holds it. */
export async function findStoredRow(dataDir: string, entryId: string): Promise<StoredRow | undefined> {
  for (const file of await findVaultsInUse(join(dataDir, 'vaults'))) {
    const row = await readRow(file, entryId);
    if (row !== undefined) return row;
  }
  return undefined;
}

/** A vault that the server has open has a write-ahead log beside it, and one that was just written is open. */
async function findVaultsInUse(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { parentPath, name } of await opendir(folder, { recursive: true })) {
    if (name.endsWith('.db-wal')) files.push(join(parentPath, name.slice(0, -'-wal'.length)));
  }
  return files;
}

/** From a copy, because the server holds the file for itself. Nobody writes to it at this point of the tour. */
async function readRow(file: string, entryId: string): Promise<StoredRow | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'alcove-tour-copy-'));
  try {
    const copy = join(folder, 'vault.db');
    for (const suffix of ['', '-wal']) await copyFile(`${file}${suffix}`, `${copy}${suffix}`);
    using database = new DatabaseSync(copy);
    return database.prepare('SELECT * FROM synced_entries WHERE id = ?').get(entryId);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
