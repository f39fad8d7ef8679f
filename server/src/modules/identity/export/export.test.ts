import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { strFromU8, unzipSync } from 'fflate';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  openVaultFile,
  type Person,
  registerPerson,
  startTestServer,
  type TestServer,
} from '../../../testing/index.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

async function download(person: Person): Promise<Response> {
  const headers = { authorization: `Bearer ${person.tokens.accessToken}` };
  return fetch(`${server.url}/api/v1/auth/me/export`, { headers });
}

async function exportOf(person: Person): Promise<Map<string, string>> {
  const answer = await download(person);
  expect(answer.status).toBe(200);
  const files = unzipSync(new Uint8Array(await answer.arrayBuffer()));
  return new Map(Object.entries(files).map(([name, bytes]) => [name, strFromU8(bytes)]));
}

const linesOf = (text = '') =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

async function write(person: Person, count: number, name = 'entry-of-an-export'): Promise<string[]> {
  await person.mintFirstEpoch();
  const ids = Array.from({ length: count }, (_, at) => `${name}-${at}`);
  const changes = ids.map((id, at) => ({
    id,
    kind: 'entry',
    op: 'put',
    clock: { [person.device.id]: at + 1 },
    time: '2026-11-20T07:16:00.123Z-0000',
    epoch: 1,
    payload: 'AAAA',
  }));
  expect((await person.call('POST', '/sync/push', { changes })).status).toBe(200);
  return ids;
}

test('the archive is a file to keep, and says what is in it', async () => {
  const ada = await registerPerson(server.url);
  const answer = await download(ada);
  expect(answer.headers.get('content-type')).toBe('application/zip');
  expect(answer.headers.get('content-disposition')).toBe('attachment; filename="alcove-export.zip"');
  await answer.arrayBuffer();
  const files = await exportOf(ada);
  const readme = files.get('README.txt') ?? '';
  for (const name of files.keys()) expect(readme.includes(name) || name === 'README.txt').toBe(true);
});

test('the archive holds account, devices, keys, sessions and workspaces', async () => {
  const ada = await registerPerson(server.url);
  await write(ada, 1);
  const files = await exportOf(ada);
  const read = (name: string) => JSON.parse(files.get(name) ?? '');
  expect(read('account.json')).toMatchObject({ id: ada.account.id, kind: 'anonymous' });
  expect(read('devices.json')).toMatchObject([{ id: ada.device.id, fingerprint: ada.device.fingerprint }]);
  expect(read('device-log.json')).toMatchObject([{ position: 0, entry: { action: 'genesis' } }]);
  expect(read('keys.json')).toMatchObject({ epochs: [{ epoch: 1 }], shares: [{ device_id: ada.device.id }] });
  expect(read('sessions.json')).toMatchObject([{ device_id: ada.device.id }]);
  expect(read('workspaces.json')).toMatchObject([{ id: ada.workspace.id, role: 'owner' }]);
});

test('every item of the vault is there once, over many pages', async () => {
  const ada = await registerPerson(server.url);
  const ids = await write(ada, 230);
  const items = linesOf((await exportOf(ada)).get('vault.jsonl'));
  expect(items.map(({ id }) => id)).toEqual(ids);
  expect(items[0]).toMatchObject({ payload: 'AAAA', clock: { [ada.device.id]: 1 } });
});

test('embeddings and usage are there, over several pages, and a deleted entry leaves no embedding', async () => {
  const ada = await registerPerson(server.url);
  const [kept, deleted] = await write(ada, 2, 'entry-with-embeddings');
  using vault = openVaultWith(kept ?? '');
  const at = '2026-11-20T07:16:00.123Z';
  const embed = vault.prepare('INSERT INTO entry_embeddings VALUES (?, ?, 3, 1, ?, ?)');
  for (let model = 0; model < 120; model += 1)
    embed.run(kept ?? '', `model-${model}`, Buffer.from([1, 2, 3]), at);
  embed.run(deleted ?? '', 'model', Buffer.from([9]), at);
  vault.exec(`INSERT INTO llm_usage VALUES ('u-1', '${at}', 'somebody', 'model', 10, 20, NULL, 'r-1')`);
  const gone = { id: deleted, kind: 'entry', op: 'delete', epoch: 1, time: '2026-11-20T07:16:01.123Z-0000' };
  await ada.call('POST', '/sync/push', { changes: [{ ...gone, clock: { [ada.device.id]: 3 } }] });

  const files = await exportOf(ada);
  const embeddings = linesOf(files.get('embeddings.jsonl'));
  expect(new Set(embeddings.map(({ model }) => model)).size).toBe(120);
  expect(embeddings[0]).toEqual({
    itemId: kept,
    model: 'model-0',
    dimensions: 3,
    epoch: 1,
    vector: 'AQID',
    updatedAt: at,
  });
  const counts = { inputTokens: 10, outputTokens: 20, costMicros: null };
  expect(linesOf(files.get('usage.jsonl'))).toEqual([
    { id: 'u-1', at, provider: 'somebody', model: 'model', ...counts, requestId: 'r-1' },
  ]);
});

/** The vault's file, found by what is in it: nothing on the disk says whose it is. */
function openVaultWith(entryId: string): DatabaseSync {
  const folder = join(server.dataDir, 'vaults');
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.db')) continue;
    const vault = openVaultFile(join(folder, path));
    if (vault.prepare('SELECT 1 FROM synced_entries WHERE id = ?').get(entryId) !== undefined) return vault;
    vault.close();
  }
  throw new Error(`no vault holds ${entryId}`);
}

test('what I did is there, also that I asked for this', async () => {
  const ada = await registerPerson(server.url);
  const actions = linesOf((await exportOf(ada)).get('audit.jsonl')).map(({ action }) => action);
  expect(actions).toEqual(['account.registered', 'account.exported']);
});

test('nothing of anybody else is there, and no hash of a secret', async () => {
  const [ada, bob] = [await registerPerson(server.url), await registerPerson(server.url)];
  await write(bob, 3);
  const text = [...(await exportOf(ada)).values()].join('\n');
  for (const id of [bob.account.id, bob.device.id, bob.workspace.id, 'entry-of-an-export'])
    expect(text).not.toContain(id);
  expect(text).not.toMatch(/refresh|"hash":\{|password/);
});

test('an account that never wrote gets an empty vault, and none is made for it', async () => {
  const ada = await registerPerson(server.url);
  expect((await exportOf(ada)).get('vault.jsonl')).toBe('');
});

test('whoever leaves in the middle of the download disturbs nobody', async () => {
  const ada = await registerPerson(server.url);
  await write(ada, 300);
  const leaver = new AbortController();
  const headers = { authorization: `Bearer ${ada.tokens.accessToken}` };
  const answer = await fetch(`${server.url}/api/v1/auth/me/export`, { headers, signal: leaver.signal });
  leaver.abort();
  await expect(answer.arrayBuffer()).rejects.toThrow();
  expect(linesOf((await exportOf(ada)).get('vault.jsonl'))).toHaveLength(300);
});
