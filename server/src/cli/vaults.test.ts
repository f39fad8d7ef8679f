import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { asPerson, type Person, registerPerson } from '../testing/index.ts';
import { alcoveBin, type ServerProcess, startServerProcess } from '../testing/process.ts';
import { type Copy, copyTemplate } from '../testing/template.ts';

/** Each command is a process of its own, and some start a whole service. */
const timeout = 240_000;

let ground: Copy;
let folder: string;
let server: ServerProcess;
let ada: Person;
beforeAll(async () => {
  ground = await copyTemplate();
  folder = `${ground.dataDir}-copies`;
  mkdirSync(folder);
  server = await startServer();
  ada = await registerPerson(server.url);
  await ada.mintFirstEpoch();
}, timeout);
afterAll(async () => {
  await server.stop();
  await ground.remove();
  await rm(folder, { recursive: true, force: true });
}, timeout);

const startServer = () => startServerProcess({ dataDir: ground.dataDir, logFile: join(folder, 'log') });

function alcove(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { PATH: process.env.PATH, ALCOVE_DATA_DIR: ground.dataDir };
  const { promise, resolve } = Promise.withResolvers<{ code: number; out: string; err: string }>();
  execFile(process.execPath, [alcoveBin, 'vaults', ...args], { cwd: folder, env }, (error, out, err) =>
    resolve({ code: error === null ? 0 : Number(error.code), out, err }),
  );
  return promise;
}

async function push(id: string, counter: number): Promise<void> {
  const time = '2026-11-20T07:16:00.123Z-0000';
  const clock = { [ada.device.id]: counter };
  const change = { id, kind: 'entry', op: 'put', clock, time, epoch: 1, payload: 'AAAA' };
  const { body } = await asPerson(server.url, ada.keys, ada).call('POST', '/sync/push', {
    changes: [change],
  });
  expect(body.results).toMatchObject([{ status: 'applied' }]);
}

async function pullIds(): Promise<string[]> {
  const { body } = await asPerson(server.url, ada.keys, ada).call('GET', '/sync/pull');
  return body.changes.map(({ id }: { id: string }) => id);
}

test('beside the running service, vaults are copied and put back', { timeout }, async () => {
  await push('an-entry-before-the-backup', 1);
  expect(await alcove('status')).toMatchObject({ code: 0, out: expect.stringMatching(/^1 of 1 vaults/) });
  const copies = join(folder, 'copies');
  const backup = await alcove('backup', '--all', '--to', 'copies');
  expect(backup).toMatchObject({ code: 0, out: expect.stringContaining(`1 copied to ${copies}.`) });
  const [copy = ''] = readdirSync(copies);
  await push('an-entry-after-the-backup-', 2);
  const restored = await alcove('restore', '--from', join(copies, copy), '--vault', copy.slice(0, 32));
  expect(restored).toMatchObject({ code: 0, out: `The vault ${copy.slice(0, 32)} holds the copy now.\n` });
  expect(await pullIds()).toEqual(['an-entry-before-the-backup']);
  const branched = await alcove('branch', '--account', ada.account.id);
  expect(branched).toMatchObject({ code: 0, out: expect.stringMatching(/\n1 with a new history\.\n$/) });
  expect(await pullIds()).toEqual(['an-entry-before-the-backup']);
});

test('while no service runs they are too, and are brought up to date', { timeout }, async () => {
  await push('an-entry-that-is-copied', 3);
  await server.stop();
  const migrated = await alcove('migrate');
  expect(migrated).toMatchObject({ code: 0, out: expect.stringMatching(/0 waiting, 0 in trouble\n$/) });
  const account = ['--account', ada.account.id];
  expect(await alcove('backup', ...account, '--to', 'newer')).toMatchObject({ code: 0 });
  const [copy = ''] = readdirSync(join(folder, 'newer'));
  expect(copy).toMatch(/^[0-9a-f]{32}\.db$/);
  const restored = await alcove('restore', '--all', '--from', 'newer');
  expect(restored).toMatchObject({ code: 0, out: expect.stringMatching(/1 restored from .*newer\.\n$/) });
  server = await startServer();
  expect(await pullIds()).toEqual(['an-entry-before-the-backup', 'an-entry-that-is-copied']);
});

test('a refusal is told in a sentence, with exit code 1', { timeout }, async () => {
  writeFileSync(join(folder, 'no-copy.db'), 'not a database '.repeat(100));
  const { code, err } = await alcove('restore', '--from', 'no-copy.db', '--account', ada.account.id);
  expect([code, err]).toEqual([
    1,
    expect.stringMatching(/^It cannot be read: .* \(vault\.backup_unusable\)\n$/),
  ]);
  const unknown = await alcove('backup', '--vault', 'f'.repeat(32), '--to', 'copies');
  expect(unknown).toMatchObject({ code: 1, out: expect.stringContaining('vault.unknown') });
});
