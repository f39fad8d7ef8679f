import 'fake-indexeddb/auto';
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { memoryStorage, type Storage } from '@alcove/client';
import { indexedDbStorage } from '@alcove/client/browser';
import { sqliteStorage } from '@alcove/client/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder: string;
let made = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'alcove-store-'));
});
afterAll(() => rm(folder, { recursive: true }));

const freshFile = () => join(folder, 'inner', `store-${made++}.db`);

const adapters: [string, () => Storage][] = [
  ['memory', memoryStorage],
  ['SQLite', () => sqliteStorage(freshFile())],
  ['IndexedDB', () => indexedDbStorage(`store-${made++}`)],
];

describe.each(adapters)('the %s store', (_name, create) => {
  it('gives back what was written, also after it was closed and opened again', async () => {
    const storage = create();
    const first = await storage.open();
    await first.write([
      { key: 'a', value: 'one' },
      { key: 'b', value: 'ünïcode 🕯' },
    ]);
    await first.close();
    const second = await storage.open();
    expect([await second.read('a'), await second.read('b'), await second.read('c')]).toEqual([
      'one',
      'ünïcode 🕯',
      undefined,
    ]);
    await second.close();
  });

  it('applies a batch in order: later writes and removals win', async () => {
    const handle = await create().open();
    await handle.write([
      { key: 'a', value: '1' },
      { key: 'a', value: '2' },
      { key: 'b', value: '1' },
      { key: 'b', value: undefined },
    ]);
    expect([await handle.read('a'), await handle.read('b')]).toEqual(['2', undefined]);
    await handle.close();
  });

  it('scans exactly the keys below a prefix, in their order', async () => {
    const handle = await create().open();
    const keys = ['item/entry/b', 'item/entry/a', 'item/memory/a', 'item', 'items/x', 'queue/2'];
    await handle.write(keys.map((key) => ({ key, value: key })));
    expect((await handle.scan('item/entry/')).map(([key]) => key)).toEqual(['item/entry/a', 'item/entry/b']);
    expect(await handle.scan('item/')).toHaveLength(3);
    expect(await handle.scan('nothing/')).toEqual([]);
    await handle.close();
  });

  it('keeps nothing of a batch that fails', async () => {
    const handle = await create().open();
    await handle.write([{ key: 'a', value: 'before' }]);
    const bad = [
      { key: 'a', value: 'after' },
      {
        key: 'b',
        get value(): string {
          throw new Error('the value could not be made');
        },
      },
    ];
    await expect((async () => handle.write(bad))()).rejects.toThrow();
    expect([await handle.read('a'), await handle.read('b')]).toEqual(['before', undefined]);
    await handle.close();
  });

  it('refuses a second client while it is open, and takes one afterwards', async () => {
    const storage = create();
    const first = await storage.open();
    await expect(storage.open()).rejects.toMatchObject({ code: 'storage.in_use' });
    await first.close();
    await (await storage.open()).close();
  });

  it('says that it was closed instead of losing a write', async () => {
    const handle = await create().open();
    await handle.close();
    await expect((async () => handle.write([{ key: 'a', value: '1' }]))()).rejects.toMatchObject({
      code: 'storage.closed',
    });
  });
});

describe('the SQLite store', () => {
  it('can be read by nobody but its owner, with its side files', async () => {
    const file = freshFile();
    const first = await sqliteStorage(file).open();
    await first.write([{ key: 'a', value: '1' }]);
    expect((await stat(`${file}-wal`)).mode & 0o777).toBe(0o600);
    await first.close();
    await chmod(file, 0o644);
    const second = await sqliteStorage(file).open();
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await second.close();
  });

  it('refuses a file of a newer SDK, and leaves it as it is', async () => {
    const file = freshFile();
    await (await sqliteStorage(file).open()).close();
    const newer = new DatabaseSync(file);
    newer.exec('PRAGMA user_version = 99');
    newer.close();
    await expect(sqliteStorage(file).open()).rejects.toMatchObject({ code: 'storage.newer' });
    const after = new DatabaseSync(file);
    expect(after.prepare('PRAGMA user_version').get()).toEqual({ user_version: 99 });
    after.close();
  });

  it('says which file it is when that is no database', async () => {
    const file = freshFile();
    await (await sqliteStorage(file).open()).close();
    const { writeFile } = await import('node:fs/promises');
    await writeFile(file, 'this is a letter, not a database. '.repeat(100));
    await expect(sqliteStorage(file).open()).rejects.toMatchObject({
      code: 'storage.failed',
      message: expect.stringContaining(file),
    });
  });
});
