import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '../telemetry/index.ts';
import { vaultFile } from './files.ts';
import type { NoteOperations } from './fixtures/program.ts';
import { createVaultName, createVaultPool, type VaultPool, type VaultPoolOptions } from './index.ts';

const log = createLogger({ level: 'silent' });
const fixture = (path: string) => new URL(`./fixtures/${path}`, import.meta.url);

let directory: string;
let pools: VaultPool<NoteOperations>[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vaults-'));
  pools = [];
});

afterEach(async () => {
  for (const pool of pools) await pool[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true });
});

async function startPool(options: Partial<VaultPoolOptions> = {}): Promise<VaultPool<NoteOperations>> {
  const pool = await createVaultPool<NoteOperations>({
    directory,
    program: fixture('program.ts'),
    migrations: fixture('migrations/'),
    workers: 2,
    openMax: 20,
    idleCloseMs: 60_000,
    log,
    ...options,
  });
  pools.push(pool);
  return pool;
}

async function createVault(pool: VaultPool<NoteOperations>, notes = 0): Promise<string> {
  const name = createVaultName();
  await pool.call(name, 'open', undefined, { create: true });
  for (let at = 0; at < notes; at += 1) await pool.call(name, 'add', { text: `note ${at}` });
  return name;
}

const walFiles = () =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((file) => /-(wal|shm)$/.test(file));

/** Two names that one worker of two owns, and one that the other owns. */
function namesByWorker(): { together: [string, string]; apart: string } {
  const withDigit = (digit: string) => `${createVaultName().slice(0, 31)}${digit}`;
  return { together: [withDigit('0'), withDigit('2')], apart: withDigit('1') };
}

describe('a vault', () => {
  test('keeps what was acknowledged over a restart', async () => {
    const first = await startPool();
    const name = await createVault(first, 3);
    await first[Symbol.asyncDispose]();
    const second = await startPool();
    expect(await second.call(name, 'count', undefined)).toBe(3);
  });

  test('syncs every commit to the disk, overwrites what is deleted and checks foreign keys', async () => {
    const pool = await startPool();
    const name = await createVault(pool);
    const pragma = (pragmaName: string) => pool.call(name, 'pragma', { name: pragmaName });
    expect(await pragma('journal_mode')).toEqual({ journal_mode: 'wal' });
    expect(await pragma('synchronous')).toEqual({ synchronous: 2 });
    expect(await pragma('secure_delete')).toEqual({ secure_delete: 1 });
    expect(await pragma('foreign_keys')).toEqual({ foreign_keys: 1 });
  });

  test('lies in a folder named after its first two digits, readable by its owner alone', async () => {
    const pool = await startPool();
    const name = await createVault(pool);
    const file = join(directory, name.slice(0, 2), `${name}.db`);
    expect(existsSync(file)).toBe(true);
    expect(statSync(join(directory, name.slice(0, 2))).mode & 0o077).toBe(0);
  });

  test('is never made by accident: a missing file is a failure and stays missing', async () => {
    const pool = await startPool();
    const name = createVaultName();
    await expect(pool.call(name, 'count', undefined)).rejects.toMatchObject({
      code: 'vault.missing',
      status: 503,
    });
    expect(existsSync(vaultFile(directory, name))).toBe(false);
  });

  test('whose file disappears while it is open acknowledges nothing any more, and is not made anew', async () => {
    const pool = await startPool();
    const name = await createVault(pool, 1);
    rmSync(vaultFile(directory, name));
    await expect(pool.call(name, 'add', { text: 'lost' }, { create: true })).rejects.toMatchObject({
      code: 'vault.missing',
      status: 503,
    });
    await expect(pool.call(name, 'add', { text: 'lost' })).rejects.toMatchObject({ code: 'vault.missing' });
    expect(existsSync(vaultFile(directory, name))).toBe(false);
  });

  test('whose file is exchanged while it is open refuses once, then serves the new file', async () => {
    const first = await startPool();
    const backup = await createVault(first, 3);
    await first[Symbol.asyncDispose]();
    const second = await startPool();
    const name = await createVault(second, 1);
    renameSync(vaultFile(directory, backup), vaultFile(directory, name));
    await expect(second.call(name, 'count', undefined)).rejects.toMatchObject({ code: 'vault.missing' });
    expect(await second.call(name, 'count', undefined)).toBe(3);
  });

  test('that lies closed is read as it lies, and opened anew by what writes', async () => {
    const first = await startPool();
    const name = await createVault(first, 2);
    await first[Symbol.asyncDispose]();
    const second = await startPool();
    expect(await second.call(name, 'count', undefined)).toBe(2);
    expect(walFiles()).toEqual([]);
    expect(await second.call(name, 'addLater', { text: 'after a look' })).toBe(3);
    expect(walFiles()).toHaveLength(1);
    expect(await second.call(name, 'addLater', { text: 'one too many' })).toBe(3);
    expect(await second.call(name, 'add', { text: 'and another' })).toBe(4);
    expect(second.stats()).toMatchObject({ open: 1, openedTotal: 1 });
    await second[Symbol.asyncDispose]();
    const third = await startPool();
    expect(await third.call(name, 'count', undefined)).toBe(4);
    await third.call(name, 'forget', { text: 'and another' });
    expect(await third.call(name, 'count', undefined)).toBe(3);
    await third[Symbol.asyncDispose]();
    const fourth = await startPool();
    expect(await fourth.call(name, 'count', undefined)).toBe(3);
    expect(await fourth.visit(name, 'add', { text: 'in passing' })).toBe(4);
  });

  test('that was not closed is read with its log', async () => {
    const first = await startPool();
    const name = await createVault(first, 2);
    const cut = createVaultName();
    mkdirSync(dirname(vaultFile(directory, cut)), { recursive: true });
    for (const suffix of ['', '-wal'])
      copyFileSync(`${vaultFile(directory, name)}${suffix}`, `${vaultFile(directory, cut)}${suffix}`);
    expect(await (await startPool()).call(cut, 'count', undefined)).toBe(2);
  });

  test('that is read as it lies is brought to the newest schema all the same', async () => {
    const older = await startPool();
    const name = await createVault(older, 2);
    await older[Symbol.asyncDispose]();
    const newer = await startPool({ migrations: fixture('newer-migrations/') });
    expect(await newer.call(name, 'count', undefined)).toBe(2);
    expect(await newer.call(name, 'columns', undefined)).toEqual(['id', 'text', 'colour']);
  });

  test('that was truncated to nothing is damaged, not empty', async () => {
    const first = await startPool();
    const name = await createVault(first, 3);
    await first[Symbol.asyncDispose]();
    truncateSync(vaultFile(directory, name));
    const second = await startPool();
    await expect(second.call(name, 'count', undefined)).rejects.toMatchObject({
      code: 'vault.damaged',
      status: 503,
    });
  });

  test('that was overwritten is damaged, and the vault beside it is not', async () => {
    const first = await startPool({ workers: 1 });
    const [broken, whole] = [await createVault(first, 1), await createVault(first, 2)];
    await first[Symbol.asyncDispose]();
    writeFileSync(vaultFile(directory, broken), 'not a database '.repeat(1000));
    const second = await startPool({ workers: 1 });
    await expect(second.call(broken, 'count', undefined)).rejects.toMatchObject({ code: 'vault.damaged' });
    expect(await second.call(whole, 'count', undefined)).toBe(2);
  });

  test('of an older server is migrated when it is opened, and its content stays', async () => {
    const older = await startPool();
    const name = await createVault(older, 2);
    await older[Symbol.asyncDispose]();
    const newer = await startPool({ migrations: fixture('newer-migrations/') });
    expect(await newer.call(name, 'columns', undefined)).toEqual(['id', 'text', 'colour']);
    expect(await newer.call(name, 'count', undefined)).toBe(2);
  });

  test('of a newer server is refused with a sentence', async () => {
    const newer = await startPool({ migrations: fixture('newer-migrations/') });
    const name = await createVault(newer);
    await newer[Symbol.asyncDispose]();
    const older = await startPool();
    await expect(older.call(name, 'count', undefined)).rejects.toMatchObject({
      code: 'vault.newer',
      message: 'The vault is at version 2, this server knows up to 1. Start the newer one.',
    });
  });

  test('that is removed leaves no file, and may be removed twice', async () => {
    const pool = await startPool();
    const name = await createVault(pool, 1);
    await pool.remove(name);
    await pool.remove(name);
    expect(readdirSync(join(directory, name.slice(0, 2)))).toEqual([]);
    await expect(pool.call(name, 'count', undefined)).rejects.toMatchObject({ code: 'vault.missing' });
  });

  test.each([
    '',
    '../../etc/passwd',
    'ABCDEF0123456789ABCDEF0123456789',
    `${'a'.repeat(32)}/..`,
    'a'.repeat(33),
  ])('is not named %j', async (name) => {
    const pool = await startPool();
    await expect(pool.call(name, 'open', undefined, { create: true })).rejects.toThrow(TypeError);
    await expect(pool.remove(name)).rejects.toThrow(TypeError);
  });

  test('on a full disk answers 507, keeps nothing of the transaction and goes on reading', async () => {
    const pool = await startPool();
    const name = await createVault(pool, 1);
    await expect(pool.call(name, 'fill', undefined)).rejects.toMatchObject({
      code: 'vault.disk_full',
      status: 507,
    });
    expect(await pool.call(name, 'count', undefined)).toBe(1);
  });
});

describe('a call', () => {
  test('that is refused takes back its transaction and arrives as the failure it is', async () => {
    const pool = await startPool();
    const name = await createVault(pool);
    await expect(pool.call(name, 'refuse', { text: 'x' })).rejects.toMatchObject({
      name: 'Failure',
      code: 'note.refused',
      status: 409,
      title: 'The note was refused',
      message: 'too short',
      extensions: { results: [1] },
      headers: { 'Retry-After': '7' },
    });
    expect(await pool.call(name, 'count', undefined)).toBe(0);
  });

  test('that meets a defect arrives as an error with the stack of the worker', async () => {
    const pool = await startPool();
    const name = await createVault(pool);
    const error = await pool.call(name, 'misspell', undefined).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'Error', message: 'no such table: nowhere' });
    expect(error).toHaveProperty('stack', expect.stringContaining('program.ts'));
  });

  test('hands bytes over whole, also small ones that share a pool with others', async () => {
    const pool = await startPool();
    const name = await createVault(pool);
    expect(await pool.call(name, 'reverse', { bytes: Buffer.from('abc') })).toEqual(
      new Uint8Array(Buffer.from('cba')),
    );
    const large = new Uint8Array(100_000).fill(7);
    expect(await pool.call(name, 'reverse', { bytes: large })).toEqual(new Uint8Array(100_000).fill(7));
  });

  test('opens a vault once, however many arrive at the same time', async () => {
    const pool = await startPool();
    const name = createVaultName();
    const calls = Array.from({ length: 50 }, () => pool.call(name, 'add', { text: 'x' }, { create: true }));
    expect((await Promise.all(calls)).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, at) => at + 1),
    );
    expect(pool.stats().openedTotal).toBe(1);
  });

  test('after the pool is closed is refused', async () => {
    const pool = await startPool();
    const name = await createVault(pool);
    await pool[Symbol.asyncDispose]();
    await expect(pool.call(name, 'count', undefined)).rejects.toMatchObject({
      code: 'vault.unavailable',
      status: 503,
    });
  });
});

describe('a worker', () => {
  test('that dies fails its own calls as retryable, harms no other, and is replaced', async () => {
    const pool = await startPool();
    const { together, apart } = namesByWorker();
    for (const name of [...together, apart]) await pool.call(name, 'add', { text: 'kept' }, { create: true });
    const slow = pool.call(apart, 'sleep', { ms: 100 });
    const dying = [pool.call(together[0], 'die', undefined), pool.call(together[1], 'count', undefined)];
    for (const call of await Promise.allSettled(dying)) {
      expect(call).toMatchObject({
        status: 'rejected',
        reason: { code: 'vault.unavailable', headers: { 'Retry-After': '1' } },
      });
    }
    await expect(slow).resolves.toBeUndefined();
    await expect.poll(() => pool.call(together[0], 'count', undefined).catch(() => 'dead')).toBe(1);
  });

  test('that dies in a transaction leaves nothing of it', async () => {
    const pool = await startPool({ workers: 1 });
    const name = await createVault(pool, 2);
    await expect(pool.call(name, 'dieInTransaction', undefined)).rejects.toMatchObject({
      code: 'vault.unavailable',
    });
    await expect.poll(() => pool.call(name, 'count', undefined).catch(() => 'dead')).toBe(2);
    expect(await pool.call(name, 'add', { text: 'after' })).toBe(3);
  });

  test('that cannot start stops the pool from starting', async () => {
    await expect(startPool({ program: fixture('broken-program.ts') })).rejects.toThrow(
      'this program cannot be loaded',
    );
  });
});

describe('the pool', () => {
  test('that closes finishes the call that has begun, fails those that wait, and leaves no log behind', async () => {
    const pool = await startPool();
    const name = await createVault(pool, 1);
    const slow = Array.from({ length: 40 }, () => pool.call(name, 'sleep', { ms: 100 }));
    const last = pool.call(name, 'add', { text: 'never begun' });
    const outcomes = Promise.allSettled([...slow, last]);
    await slow[0];
    await pool[Symbol.asyncDispose]();
    const waited = (await outcomes).filter(({ status }) => status === 'rejected');
    expect(waited.length).toBeGreaterThan(30);
    await expect(last).rejects.toMatchObject({ code: 'vault.unavailable', status: 503 });
    expect(walFiles()).toEqual([]);
    expect(await (await startPool()).call(name, 'count', undefined)).toBe(1);
  });

  test('closes in time though a call does not end', async () => {
    const pool = await startPool();
    const name = await createVault(pool, 1);
    const endless = pool.call(name, 'sleep', { ms: 60_000 });
    const refused = expect(endless).rejects.toMatchObject({ code: 'vault.unavailable' });
    await pool[Symbol.asyncDispose]();
    await refused;
    expect(await (await startPool()).call(name, 'count', undefined)).toBe(1);
  }, 15_000);

  test('closes the vault that was used longest ago when too many are open', async () => {
    const pool = await startPool({ workers: 1, openMax: 3 });
    const names = [];
    for (let at = 0; at < 5; at += 1) names.push(await createVault(pool, 1));
    expect(pool.stats().open).toBe(3);
    for (const name of names) expect(await pool.call(name, 'count', undefined)).toBe(1);
  });

  test('closes vaults that nobody used for a while: an idle account costs no open file', async () => {
    const pool = await startPool({ idleCloseMs: 30 });
    for (let at = 0; at < 10; at += 1) await createVault(pool, 1);
    await expect.poll(() => pool.stats().open).toBe(0);
    expect(walFiles()).toEqual([]);
    expect(openFilesIn(directory)).toEqual([]);
  });

  test('says how many vaults are open and how many calls wait', async () => {
    const pool = await startPool();
    const name = await createVault(pool);
    const slow = pool.call(name, 'sleep', { ms: 30 });
    expect(pool.stats()).toEqual({
      workers: 2,
      open: 1,
      openedTotal: 1,
      outstanding: 1,
      replicas: 0,
      remoteFailures: 0,
    });
    await slow;
    expect(pool.stats().outstanding).toBe(0);
  });

  test('can be probed while it serves', async () => {
    const pool = await startPool();
    await expect(pool.probe()).resolves.toBeUndefined();
    await pool[Symbol.asyncDispose]();
    await expect(pool.probe()).rejects.toMatchObject({ code: 'vault.unavailable' });
  });

  test.skipIf(!existsSync('/proc/self/fd'))(
    'leaks no descriptor and no log over 5,000 openings',
    { timeout: 120_000 },
    async () => {
      const pool = await startPool({ openMax: 2 });
      const names = [];
      for (let at = 0; at < 10; at += 1) names.push(await createVault(pool, 1));
      const before = openDescriptors();
      while (pool.stats().openedTotal < 5_010) {
        await Promise.all(names.map((name) => pool.call(name, 'count', undefined)));
      }
      const after = openDescriptors();
      await pool[Symbol.asyncDispose]();
      console.log(
        `descriptors: ${before} before, ${after} after 5,000 openings, ${openDescriptors()} with all closed`,
      );
      expect(after).toBeLessThanOrEqual(before + 3);
      expect(walFiles()).toEqual([]);
    },
  );
});

const openFilesIn = (folder: string) =>
  existsSync('/proc/self/fd')
    ? readdirSync('/proc/self/fd').filter((fd) => targetOf(fd).startsWith(`${folder}/`))
    : [];

/** The listing has a descriptor of its own, which is gone by now. */
function targetOf(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return '';
  }
}

/** The descriptors of worker threads are those of the process. */
const openDescriptors = () => readdirSync('/proc/self/fd').length;
