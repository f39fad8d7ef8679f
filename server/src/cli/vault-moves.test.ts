/** `alcove vaults move` as an operator runs it, beside a running service and a real libSQL server. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Person, registerPerson } from '../testing/index.ts';
import { alcoveBin, type ServerProcess, startServerProcess } from '../testing/process.ts';
import { sqldIsAvailable, startTestSqld, type TestSqld } from '../testing/sqld.ts';
import { type Copy, copyTemplate } from '../testing/template.ts';

const timeout = 240_000;

describe.skipIf(!sqldIsAvailable)('alcove vaults move', () => {
  let sqld: TestSqld;
  let ground: Copy;
  let folder: string;
  let env: Record<string, string>;
  let server: ServerProcess;
  let people: Person[];

  beforeAll(async () => {
    sqld = await startTestSqld();
    ground = await copyTemplate();
    folder = await mkdtemp(join(tmpdir(), 'alcove-moves-'));
    env = {
      PATH: process.env.PATH ?? '',
      ALCOVE_DATA_DIR: ground.dataDir,
      VAULT_URL: sqld.url,
      VAULT_ADMIN_URL: sqld.adminUrl,
      ...(ground.database === undefined ? {} : { DATABASE_URL: ground.database }),
    };
    server = await startServerProcess({ dataDir: ground.dataDir, logFile: join(folder, 'log'), env });
    people = await Promise.all([registerOwner(), registerOwner()]);
  }, timeout);
  afterAll(async () => {
    await server.stop();
    await ground.remove();
    await sqld[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }, timeout);

  async function registerOwner(): Promise<Person> {
    const person = await registerPerson(server.url);
    await person.mintFirstEpoch();
    const change = {
      id: 'the-first-entry-of-all',
      kind: 'entry',
      op: 'put',
      clock: { [person.device.id]: 1 },
    };
    const changes = [{ ...change, time: '2026-11-20T07:16:00.123Z-0000', epoch: 1, payload: 'AAAA' }];
    expect((await person.call('POST', '/sync/push', { changes })).status).toBe(200);
    return person;
  }

  function move(...args: string[]): Promise<{ code: number; out: string; err: string }> {
    const { promise, resolve } = Promise.withResolvers<{ code: number; out: string; err: string }>();
    const command = [alcoveBin, 'vaults', 'move', ...args];
    execFile(process.execPath, command, { cwd: folder, env }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
    return promise;
  }

  /** What a move proved of each vault: its rows and their digest. */
  const proofs = (out: string) => out.match(/^[0-9a-f]{32} {2}\d+ rows, SHA-256 [0-9a-f]{64}$/gm)?.sort();
  async function pullOf(one: Person) {
    const { serverTime: _time, ...page } = (await one.call('GET', '/sync/pull')).body;
    return page;
  }
  const pullAll = () => Promise.all(people.map(pullOf));

  test('brings every vault to the other home and back, and both times proves the same rows', {
    timeout,
  }, async () => {
    const before = await pullAll();
    const home = await move('--all', '--to', 'local');
    expect(home).toMatchObject({ code: 0, out: expect.stringMatching(/\n2 local now\.\n$/) });
    expect(proofs(home.out)).toHaveLength(2);
    await sqld.kill();
    expect(await pullAll()).toEqual(before);
    await sqld.start();

    await expect.poll(async () => (await move('--all', '--to', 'remote')).code, { timeout: 60_000 }).toBe(0);
    expect(await pullAll()).toEqual(before);
    await expect
      .poll(async () => proofs((await move('--all', '--to', 'local')).out), { timeout: 60_000 })
      .toEqual(proofs(home.out));
  });

  test('says which vault stays where it is, and why, with exit code 1', { timeout }, async () => {
    const missing = await move('--vault', 'f'.repeat(32), '--to', 'remote');
    expect(missing).toMatchObject({ code: 1, out: expect.stringContaining('(vault.unknown)') });
    expect(missing.out).toMatch(/\n0 remote now, 1 not\.\n$/);
    expect(await move('--all')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--to local or --to remote'),
    });
  });
});
