import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { incomingFile, vaultFile } from './files.ts';
import { createNotes, createTestPools, filesIn, fixture, type TestPools } from './fixtures/test-pools.ts';
import { createVaultName } from './index.ts';
import { findNetworkShare } from './network-share.ts';

let pools: TestPools;
beforeEach(() => {
  pools = createTestPools();
});
afterEach(() => pools[Symbol.asyncDispose]());

const fileOf = (name: string) => vaultFile(pools.directory, name);
const copyPath = (name = 'copy.db') => join(pools.elsewhere, name);

describe('migrating', () => {
  test('brings a vault up to date that nobody uses, and does not keep it open', async () => {
    const older = await pools.start();
    const name = await createNotes(older, 2);
    await older[Symbol.asyncDispose]();
    const newer = await pools.start({ migrations: fixture('newer-migrations/') });
    expect(newer.newestVersion).toBe(2);
    await newer.migrate(name);
    expect(newer.stats()).toMatchObject({ open: 0, openedTotal: 1 });
    expect(await newer.call(name, 'columns', undefined)).toContain('colour');
    expect(await newer.call(name, 'count', undefined)).toBe(2);
  });

  test('takes no place from the vaults in use', async () => {
    const pool = await pools.start({ workers: 1, openMax: 1 });
    const others = await Promise.all(Array.from({ length: 5 }, () => createNotes(pool, 1)));
    const hot = await createNotes(pool, 1);
    const openedBefore = pool.stats().openedTotal;
    for (const name of others) await pool.migrate(name);
    await pool.migrate(hot);
    expect(await pool.call(hot, 'count', undefined)).toBe(1);
    expect(pool.stats()).toMatchObject({ open: 1, openedTotal: openedBefore + others.length });
  });

  test('waits behind what people ask for', async () => {
    const pool = await pools.start({ workers: 1 });
    const [busy, idle] = [await createNotes(pool), await createNotes(pool)];
    const order: string[] = [];
    const slow = pool.call(busy, 'sleep', { ms: 100 });
    const migrated = pool.migrate(idle).then(() => order.push('migrated'));
    const asked = pool.call(busy, 'sleep', { ms: 100 }).then(() => order.push('asked'));
    await Promise.all([slow, migrated, asked]);
    expect(order).toEqual(['asked', 'migrated']);
  });

  test('comes to its turn although people never pause', async () => {
    const pool = await pools.start({ workers: 1 });
    const [busy, idle] = [await createNotes(pool), await createNotes(pool)];
    let isMigrated = false;
    const load = async () => {
      while (!isMigrated) await pool.call(busy, 'sleep', { ms: 5 });
    };
    const migrated = pool.migrate(idle).then(() => {
      isMigrated = true;
    });
    await Promise.all([load(), load(), load(), migrated]);
    expect(isMigrated).toBe(true);
  });

  test('says of each vault why it cannot be migrated, and goes on with the next', async () => {
    const newer = await pools.start({ migrations: fixture('newer-migrations/') });
    const ofNewer = await createNotes(newer);
    await newer[Symbol.asyncDispose]();
    const pool = await pools.start();
    const damaged = await createNotes(pool);
    const whole = await createNotes(pool);
    await pool[Symbol.asyncDispose]();
    writeFileSync(fileOf(damaged), 'not a database '.repeat(1000));
    const next = await pools.start();
    await expect(next.migrate(ofNewer)).rejects.toMatchObject({ code: 'vault.newer', status: 503 });
    await expect(next.migrate(damaged)).rejects.toMatchObject({ code: 'vault.damaged', status: 503 });
    await expect(next.migrate(createVaultName())).rejects.toMatchObject({ code: 'vault.missing' });
    await expect(next.migrate(whole)).resolves.toBeUndefined();
  });
});

describe('a visit', () => {
  test('does what it is for, takes no place from the vaults in use, and leaves closed what was', async () => {
    const pool = await pools.start({ workers: 1, openMax: 1 });
    const [idle, hot] = [await createNotes(pool, 1), await createNotes(pool, 1)];
    const openedBefore = pool.stats().openedTotal;
    expect(await pool.visit(idle, 'add', { text: 'in passing' })).toBe(2);
    expect(await pool.visit(hot, 'add', { text: 'in passing' })).toBe(2);
    expect(await pool.call(hot, 'count', undefined)).toBe(2);
    expect(pool.stats()).toMatchObject({ open: 1, openedTotal: openedBefore + 1 });
    expect(await pool.call(idle, 'list', undefined)).toContain('in passing');
  });

  test('waits behind what people ask for, and makes no vault where there is none', async () => {
    const pool = await pools.start({ workers: 1 });
    const [busy, idle] = [await createNotes(pool), await createNotes(pool)];
    const order: string[] = [];
    const slow = pool.call(busy, 'sleep', { ms: 100 });
    const visited = pool.visit(idle, 'count', undefined).then(() => order.push('visited'));
    const asked = pool.call(busy, 'sleep', { ms: 100 }).then(() => order.push('asked'));
    await Promise.all([slow, visited, asked]);
    expect(order).toEqual(['asked', 'visited']);
    await expect(pool.visit(createVaultName(), 'count', undefined)).rejects.toMatchObject({
      code: 'vault.missing',
    });
  });
});

describe('a backup', () => {
  test('of a vault in use holds what was acknowledged before, is readable by its owner alone, and stands alone', async () => {
    const pool = await pools.start();
    const name = await createNotes(pool, 50);
    const { sizeBytes } = await pool.backUp(name, copyPath('folder/copy.db'));
    await pool.call(name, 'add', { text: 'afterwards' });
    expect(statSync(copyPath('folder/copy.db'))).toMatchObject({ size: sizeBytes });
    expect(statSync(copyPath('folder/copy.db')).mode & 0o777).toBe(0o600);
    expect(filesIn(pools.elsewhere)).toEqual(['folder/copy.db']);
    using copy = new DatabaseSync(copyPath('folder/copy.db'));
    expect(copy.prepare('SELECT count(*) AS count FROM note').get()).toEqual({ count: 50 });
  });

  test('of a vault that lies open only to be read is whole', async () => {
    const first = await pools.start();
    const name = await createNotes(first, 5);
    await first[Symbol.asyncDispose]();
    const second = await pools.start();
    expect(await second.call(name, 'count', undefined)).toBe(5);
    await second.backUp(name, copyPath());
    using copy = new DatabaseSync(copyPath());
    expect(copy.prepare('SELECT count(*) AS count FROM note').get()).toEqual({ count: 5 });
  });

  test('takes the place of an older one, and where it fails the older one stays', async () => {
    const pool = await pools.start();
    const name = await createNotes(pool, 1);
    await pool.backUp(name, copyPath());
    const older = readFileSync(copyPath());
    await pool.call(name, 'add', { text: 'new' });
    await pool.backUp(name, copyPath());
    const newer = readFileSync(copyPath());
    expect(newer.equals(older)).toBe(false);
    await pool[Symbol.asyncDispose]();
    damageEveryPage(fileOf(name));
    const next = await pools.start();
    await expect(next.backUp(name, copyPath())).rejects.toMatchObject({ code: 'vault.damaged' });
    expect(readFileSync(copyPath()).equals(newer)).toBe(true);
    expect(filesIn(pools.elsewhere)).toEqual(['copy.db']);
  });

  test('that cannot be written says where and why, and the vault goes on', async () => {
    const pool = await pools.start();
    const name = await createNotes(pool, 1);
    writeFileSync(copyPath('taken'), '');
    const file = copyPath('taken/copy.db');
    const refused = { code: 'vault.backup_failed', message: expect.stringContaining(file) };
    await expect(pool.backUp(name, file)).rejects.toMatchObject(refused);
    expect(await pool.call(name, 'count', undefined)).toBe(1);
  });

  test.runIf(process.platform === 'linux')(
    'into a folder that no folder can be made in is refused, and its thread goes on',
    async () => {
      const pool = await pools.start();
      const name = await createNotes(pool, 1);
      const refused = { code: 'vault.backup_failed' };
      await expect(pool.backUp(name, '/proc/copies/copy.db')).rejects.toMatchObject(refused);
      expect(await pool.call(name, 'count', undefined)).toBe(1);
    },
  );

  test('holds nothing of what was deleted', async () => {
    const pool = await pools.start();
    const name = await createNotes(pool, 1);
    await pool.call(name, 'add', { text: 'a secret that is taken back' });
    await pool.call(name, 'forget', { text: 'a secret that is taken back' });
    await pool.backUp(name, copyPath());
    expect(readFileSync(copyPath()).includes('a secret that is taken back')).toBe(false);
  });
});

describe('restoring', () => {
  test('puts the copy in the place of a vault in use, marked as what it is', async () => {
    const pool = await pools.start();
    const name = await createNotes(pool, 1);
    await pool.backUp(name, copyPath());
    await pool.call(name, 'add', { text: 'after the backup' });
    expect(await pool.restore(name, copyPath(), 'mark', { text: 'restored' })).toBe(2);
    expect(await pool.call(name, 'list', undefined)).toEqual(['note 0', 'restored']);
    await pool[Symbol.asyncDispose]();
    expect(await (await pools.start()).call(name, 'list', undefined)).toEqual(['note 0', 'restored']);
    expect(filesIn(pools.directory)).toContain(join(name.slice(0, 2), `${name}.db`));
  });

  test('makes a vault where there was none, and brings an old copy up to date', async () => {
    const older = await pools.start();
    await older.backUp(await createNotes(older, 3), copyPath());
    await older[Symbol.asyncDispose]();
    const newer = await pools.start({ migrations: fixture('newer-migrations/') });
    const name = createVaultName();
    await newer.restore(name, copyPath(), 'mark', { text: 'restored' });
    expect(await newer.call(name, 'columns', undefined)).toContain('colour');
    expect(await newer.call(name, 'count', undefined)).toBe(4);
  });

  test('takes along the log of a folder that was copied by hand', async () => {
    const pool = await pools.start();
    const name = await createNotes(pool, 4);
    cpSync(dirname(fileOf(name)), pools.elsewhere, { recursive: true });
    expect(statSync(join(pools.elsewhere, `${name}.db-wal`)).size).toBeGreaterThan(0);
    await pool.restore(name, join(pools.elsewhere, `${name}.db`), 'mark', { text: 'restored' });
    expect(await pool.call(name, 'count', undefined)).toBe(5);
  });

  test.each<[string, (file: string) => void]>([
    ['is not there', () => undefined],
    ['is a folder', (file) => mkdirSync(file)],
    ['is a pipe', (file) => execFileSync('mkfifo', [file])],
    ['is empty', (file) => writeFileSync(file, '')],
    ['is text', (file) => writeFileSync(file, 'not a database '.repeat(1000))],
    ['is another database', (file) => createOtherDatabase(file)],
    [
      'was cut short',
      (file) => {
        copyFileSync(copyPath('whole.db'), file);
        truncateSync(file, Math.floor(statSync(file).size / 2));
      },
    ],
    [
      'is of a newer Alcove',
      (file) => {
        copyFileSync(copyPath('whole.db'), file);
        raiseVersion(file);
      },
    ],
  ])('is refused where the file %s, and the vault stays', async (_, spoil) => {
    const pool = await pools.start();
    const name = await createNotes(pool, 20);
    await pool.backUp(name, copyPath('whole.db'));
    spoil(copyPath('spoilt.db'));
    await expect(
      pool.restore(name, copyPath('spoilt.db'), 'mark', { text: 'restored' }),
    ).rejects.toMatchObject({ code: 'vault.backup_unusable', status: 422 });
    await expect(pool.restore(name, copyPath('whole.db'), 'mark', { text: '' })).rejects.toMatchObject({
      code: 'note.refused',
    });
    expect(await pool.call(name, 'count', undefined)).toBe(20);
    expect(filesIn(pools.directory).filter((file) => file.includes('incoming'))).toEqual([]);
  });
});

/** Each state in which a crash can leave the folder, made by hand. */
describe('a restore that was cut off', () => {
  async function crash(leave: (paths: { vault: string; copy: string }) => void): Promise<string[]> {
    const first = await pools.start();
    const name = await createNotes(first, 1);
    await first.backUp(name, copyPath());
    await first.call(name, 'add', { text: 'after the backup' });
    // As a killed process leaves it: with the log of its last changes.
    const folder = dirname(fileOf(name));
    cpSync(folder, copyPath('left'), { recursive: true });
    await first[Symbol.asyncDispose]();
    cpSync(copyPath('left'), folder, { recursive: true });
    leave({ vault: fileOf(name), copy: copyPath() });
    const second = await pools.start();
    const texts = await second.call(name, 'list', undefined);
    expect(filesIn(folder).filter((file) => file.includes('replacement'))).toEqual([]);
    await second.remove(name);
    expect(filesIn(folder)).toEqual([]);
    return texts;
  }

  const before = ['note 0', 'after the backup'];
  const after = ['note 0'];

  test('while it copied leaves the vault as it was', async () => {
    const texts = await crash(({ vault }) => writeFileSync(incomingFile(vault), 'half of a cop'));
    expect(texts).toEqual(before);
  });

  test('once it was prepared leaves the vault as it was', async () => {
    const texts = await crash(({ vault, copy }) => copyFileSync(copy, incomingFile(vault)));
    expect(texts).toEqual(before);
  });

  test('once it was decided is carried out by whoever opens the vault next', async () => {
    const texts = await crash(({ vault, copy }) => copyFileSync(copy, `${vault}.replacement`));
    expect(texts).toEqual(after);
  });

  test('between the old log and the new file is carried out too', async () => {
    const texts = await crash(({ vault, copy }) => {
      renameSync(`${vault}-wal`, copyPath('gone'));
      copyFileSync(copy, `${vault}.replacement`);
    });
    expect(texts).toEqual(after);
  });
});

test.each([
  [0x6969, 'NFS'],
  [0xff534d42, 'SMB'],
  [0x01021994, undefined],
  [0xef53, undefined],
])('a file system of the type %d is the network share %s', (type, share) => {
  const expected = process.platform === 'linux' ? share : undefined;
  expect(findNetworkShare(pools.directory, () => type)).toBe(expected);
});

function damageEveryPage(file: string): void {
  const bytes = readFileSync(file);
  for (let at = 4096; at < bytes.length; at += 4096) bytes.fill(0x2a, at, at + 4096);
  writeFileSync(file, bytes);
}

function createOtherDatabase(file: string): void {
  using database = new DatabaseSync(file);
  database.exec('CREATE TABLE cat (name TEXT)');
}

function raiseVersion(file: string): void {
  using database = new DatabaseSync(file);
  database.exec(`INSERT INTO schema_version VALUES (99, 'from the future', '')`);
}
