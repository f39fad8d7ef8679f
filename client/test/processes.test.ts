/** Two programs that have one SQLite store open hear of each other, as tabs do. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Client } from '@alcove/client';
import { sqliteStorage } from '@alcove/client/node';
import { startTestServer, type TestServer } from '@alcove/server/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { joinWith, openClient } from './people.ts';

const program = fileURLToPath(new URL('./processes/other.ts', import.meta.url));
let server: TestServer;
let folder: string;
let file: string;
let client: Client;
let child: ChildProcessByStdio<Writable, Readable, null>;
let lines: AsyncIterator<string>;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'alcove-processes-'));
  file = join(folder, 'vault.db');
  client = await openClient(server.url, { storage: sqliteStorage(file) });
  await client.register();
  child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, server.url, file], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
});
afterEach(async () => {
  child.stdin.end();
  await once(child, 'exit');
  await client.close();
  await rm(folder, { recursive: true });
});

async function said(): Promise<unknown> {
  return JSON.parse((await lines.next()).value ?? 'null');
}

async function tell(line: string): Promise<unknown> {
  child.stdin.write(`${line}\n`);
  return said();
}

it('what one puts or receives is an event in the other', async () => {
  const heard: string[] = [];
  client.vault.on('change', ({ id, origin }) => heard.push(`${origin} ${id}`));
  const { id } = Object(await tell('put by-the-other'));
  await expect.poll(() => heard).toEqual([`local ${id}`]);
  expect((await client.vault.get('entry', id))?.value).toBe('by-the-other');

  await client.vault.sync();
  const phone = await joinWith(client, server.url);
  const far = await phone.vault.put({ kind: 'entry', value: 'from the phone' });
  await phone.vault.sync();
  await phone.close();
  expect(await tell('sync')).toMatchObject({ pulled: 1 });
  await expect.poll(() => heard).toEqual([`local ${id}`, `remote ${far.id}`]);
});

it('nobody is told twice, or of what they did themselves', async () => {
  expect(await tell('listen')).toEqual({ isListening: true });
  const heard: string[] = [];
  client.vault.on('change', ({ origin, id }) => heard.push(`${origin} ${id}`));
  const mine = await client.vault.put({ kind: 'entry', value: 'by this one' });
  expect(await said()).toEqual({ heard: mine.id, origin: 'local' });
  const other = await openClient(server.url, { storage: sqliteStorage(file) });
  const too = await other.vault.put({ kind: 'entry', value: 'by another client of this process' });
  expect(await said()).toEqual({ heard: too.id, origin: 'local' });
  await expect.poll(() => heard).toEqual([`local ${mine.id}`, `local ${too.id}`]);
  await other.close();
});

it('the one that syncs by itself sends at once what the other wrote', async () => {
  await client.vault.sync();
  const stop = client.vault.startAutoSync({ intervalMs: 600_000, live: false });
  await expect.poll(async () => (await client.vault.status()).isSyncing).toBe(false);
  await tell('put waits-for-nobody');
  expect((await client.vault.status()).unsynced).toBe(1);
  await expect.poll(async () => (await client.vault.status()).unsynced).toBe(0);
  stop();
});

it('where nobody listens nothing is written, and what is written is for the owner of the store alone', async () => {
  await tell('put unheard');
  await client.vault.put({ kind: 'entry', value: 'unheard' });
  expect(existsSync(`${file}.news`)).toBe(false);
  const stop = client.vault.on('change', () => undefined);
  expect((await stat(`${file}.news`)).mode & 0o777).toBe(0o600);
  stop();
});
