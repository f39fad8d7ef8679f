import 'fake-indexeddb/auto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { memoryStorage, type Storage, type StorageHandle } from '@alcove/client';
import { indexedDbStorage } from '@alcove/client/browser';
import { sqliteStorage } from '@alcove/client/node';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

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
const lockingAdapters: typeof adapters = [
  ...adapters,
  ['IndexedDB without Web Locks', () => indexedDbStorage(`store-${made++}`)],
];

const never = new AbortController().signal;

/** A count that is read, thought about and written, so that two at once would lose one. */
async function countUp(handle: StorageHandle): Promise<void> {
  const before = Number((await handle.read('count')) ?? 0);
  await new Promise((resolve) => setTimeout(resolve, 1));
  await handle.write([{ key: 'count', value: String(before + 1) }]);
}

describe.each(lockingAdapters)('the locks of the %s store', (_name, create) => {
  beforeEach(() => {
    if (_name.endsWith('without Web Locks')) vi.stubGlobal('navigator', {});
  });
  afterEach(() => vi.unstubAllGlobals());

  it('let one client work under a name at a time', async () => {
    const storage = create();
    const handles = [await storage.open(), await storage.open()];
    await Promise.all(
      Array.from({ length: 30 }, (_, at) => {
        const handle = handles[at % 2];
        return handle?.withLock?.('count', () => countUp(handle), never);
      }),
    );
    expect(await handles[0]?.read('count')).toBe('30');
    for (const handle of handles) await handle.close();
  });

  it('do not hold up work under another name, and are free again after a failure', async () => {
    const handle = await create().open();
    const answer = await handle.withLock?.(
      'outer',
      async () => handle.withLock?.('inner', async () => 'reached', never),
      never,
    );
    expect(answer).toBe('reached');
    const failing = handle.withLock?.('outer', () => Promise.reject(new Error('thrown by the work')), never);
    await expect(failing).rejects.toThrow('thrown by the work');
    expect(await handle.withLock?.('outer', async () => 'free', never)).toBe('free');
    await handle.close();
  });

  it('are not waited for any more once the signal fires', async () => {
    const storage = create();
    const [holder, waiter] = [await storage.open(), await storage.open()];
    const held = Promise.withResolvers<void>();
    const holding = holder.withLock?.('name', () => held.promise, never);
    const waiting = waiter.withLock?.('name', async () => 'never', AbortSignal.timeout(50));
    const unreached = expect(waiting).rejects.toMatchObject({ code: 'aborted' });
    // Only the in-memory locks notice when their turn has come; nothing runs in any of them.
    setTimeout(held.resolve, 100);
    await unreached;
    await holding;
    for (const handle of [holder, waiter]) await handle.close();
  });
});

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

  it('scans a part of them, from after a key on', async () => {
    const handle = await create().open();
    const keys = ['item/a', 'item/b', 'item/c', 'item/d', 'other/a', 'early/a'];
    await handle.write(keys.map((key) => ({ key, value: key })));
    const keysOf = async (after: string) =>
      (await handle.scan('item/', { after, limit: 2 })).map(([key]) => key);
    expect(await keysOf('item/')).toEqual(['item/a', 'item/b']);
    expect(await keysOf('item/b')).toEqual(['item/c', 'item/d']);
    expect(await keysOf('item/bb')).toEqual(['item/c', 'item/d']);
    expect(await keysOf('item/d')).toEqual([]);
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

  it('lets in a second client, which reads what the first one writes', async () => {
    const storage = create();
    const [first, second] = [await storage.open(), await storage.open()];
    await first.write([{ key: 'a', value: 'one' }]);
    expect(await second.read('a')).toBe('one');
    await first.close();
    await second.write([{ key: 'a', value: 'two' }]);
    expect(await second.read('a')).toBe('two');
    await second.close();
  });

  it('keeps every write of two clients that write at once', async () => {
    const storage = create();
    const handles = [await storage.open(), await storage.open()];
    await Promise.all(
      Array.from({ length: 50 }, (_, at) => handles[at % 2]?.write([{ key: `a/${at}`, value: 'kept' }])),
    );
    expect(await handles[0]?.scan('a/')).toHaveLength(50);
    for (const handle of handles) await handle.close();
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
  it('frees the lock of a process that died with it', async () => {
    const file = freshFile();
    const handle = await sqliteStorage(file).open();
    const holding = `
      import { sqliteStorage } from ${JSON.stringify(import.meta.resolve('@alcove/client/node'))};
      const handle = await sqliteStorage(${JSON.stringify(file)}).open();
      await handle.withLock('name', () => new Promise(() => console.log('held')), new AbortController().signal);
    `;
    const staying = 'setInterval(() => {}, 1000);';
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', staying + holding]);
    await once(child.stdout, 'data');
    const free = vi.fn(async () => 'free');
    const waiting = handle.withLock?.('name', free, never);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(free).not.toHaveBeenCalled();
    child.kill('SIGKILL');
    expect(await waiting).toBe('free');
    await handle.close();
  });

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
