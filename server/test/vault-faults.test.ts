/** Disks that lie, and disks that are full: what the owners of vaults meet, and what nobody else notices. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatHybridTime } from '@alcove/contract/hybrid-time';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLogger } from '../src/platform/telemetry/index.ts';
import {
  type Answer,
  asPerson,
  callApi,
  type Person,
  registerPerson,
  startTestServer,
  type TestServer,
} from '../src/testing/index.ts';

const token = 'an-operator-token-for-tests-only';
const pageBytes = 4096;

let server: TestServer;
let logged: { msg: string; vault?: string; level: string }[];
let copies: string;
beforeAll(async () => {
  logged = [];
  const log = createLogger({ level: 'info', human: false, write: (line) => logged.push(JSON.parse(line)) });
  // Vaults are closed as soon as another is used, so that each call meets the file as it is.
  server = await startTestServer({
    env: { ALCOVE_OPERATOR_TOKEN: token, ALCOVE_LIMIT_VAULTS_OPEN: '1', ALCOVE_VAULT_WORKERS: '1' },
    log,
  });
  copies = await mkdtemp(join(tmpdir(), 'alcove-copies-'));
});
afterAll(async () => {
  await server.close();
  await rm(copies, { recursive: true, force: true });
});

interface Owner {
  readonly person: Person;
  readonly vault: string;
  readonly ids: string[];
  counter: number;
}

const operator = (path: string, body: unknown): Promise<Answer> =>
  callApi(server.url, 'POST', `/admin/vaults/${path}`, body, { authorization: `Bearer ${token}` });

const call = ({ person }: Owner, method: string, path: string, body?: unknown) =>
  asPerson(server.url, person.keys, person).call(method, path, body);

/** What was acknowledged is remembered. */
async function push(owner: Owner, count: number, payloadBytes = 300): Promise<Answer> {
  const payload = Buffer.alloc(payloadBytes, 7).toString('base64url');
  const changes = Array.from({ length: count }, () => {
    owner.counter += 1;
    const clock = { [owner.person.device.id]: owner.counter };
    const id = `entry-number-${String(owner.counter).padStart(8, '0')}`;
    return { id, kind: 'entry', op: 'put', clock, time: formatHybridTime(Date.now(), 0), epoch: 1, payload };
  });
  const answer = await call(owner, 'POST', '/sync/push', { changes });
  if (answer.status === 200) owner.ids.push(...changes.map(({ id }) => id));
  return answer;
}

async function pullOn(owner: Owner): Promise<Answer> {
  const { body } = await call(owner, 'GET', '/sync/pull?limit=500');
  return call(owner, 'POST', '/sync/pull', { cursor: body.cursor, acknowledged: body.cursor });
}

async function pullIds(owner: Owner): Promise<string[]> {
  const ids: string[] = [];
  let query = '?limit=500';
  for (;;) {
    const { status, body } = await call(owner, 'GET', `/sync/pull${query}`);
    if (status !== 200) throw new Error(`pulling answered ${status}: ${JSON.stringify(body)}`);
    ids.push(...body.changes.map(({ id }: { id: string }) => id));
    if (!body.hasMore) return ids;
    query = `?limit=500&cursor=${body.cursor}`;
  }
}

async function createOwner(entries: number): Promise<Owner> {
  const person = await registerPerson(server.url);
  await person.mintFirstEpoch();
  const authorization = `Bearer ${token}`;
  await person.call('GET', '/sync/pull');
  const { body } = await callApi(server.url, 'GET', `/admin/vaults?account=${person.account.id}`, undefined, {
    authorization,
  });
  const owner: Owner = { person, vault: body.data[0].name, ids: [], counter: 0 };
  for (let left = entries; left > 0; left -= 500)
    expect((await push(owner, Math.min(left, 500))).status).toBe(200);
  return owner;
}

const fileOf = ({ vault }: Owner) => join(server.dataDir, 'vaults', vault.slice(0, 2), `${vault}.db`);

describe('a damaged vault', () => {
  let neighbour: Owner;
  beforeAll(async () => {
    neighbour = await createOwner(5);
  });

  /** Using the neighbour's closes the other: one vault is open at a time. */
  const closeOthers = async () => expect(await pullIds(neighbour)).toEqual(neighbour.ids);

  test.each<[string, (file: string) => void]>([
    ['was cut to nothing', (file) => truncateSync(file)],
    ['was cut in half', (file) => truncateSync(file, Math.floor(readFileSync(file).length / 2))],
    ['lost its header', (file) => overwrite(file, 0, 100)],
    ['lost its schema', (file) => overwrite(file, 100, pageBytes - 100)],
    ['was overwritten', (file) => writeFileSync(file, 'not a database '.repeat(2000))],
    ['has a log that is none', (file) => writeFileSync(`${file}-wal`, 'not a log '.repeat(1000))],
  ])(
    'that %s answers its owner alone with 503, is told of once, and is healed by a copy',
    async (_, spoil) => {
      const owner = await createOwner(200);
      const copy = (await operator('backup', { vault: owner.vault, directory: copies })).body.file;
      await closeOthers();
      spoil(fileOf(owner));
      for (let round = 0; round < 3; round += 1) {
        const damaged = { status: 503, body: { code: 'vault.damaged' } };
        expect(await push(owner, 1)).toMatchObject(damaged);
        expect(await call(owner, 'GET', '/sync/pull')).toMatchObject(damaged);
        await closeOthers();
      }
      expect((await push(neighbour, 1)).status).toBe(200);
      const told = logged.filter(({ vault, level }) => vault === owner.vault && level === 'error');
      expect(told).toHaveLength(1);
      expect(logged.filter(({ msg }) => msg === 'a request could not be served')).toEqual([]);

      expect((await operator('restore', { vault: owner.vault, file: copy })).status).toBe(200);
      expect(await pullIds(owner)).toEqual(owner.ids);
      expect((await push(owner, 1)).status).toBe(200);
    },
  );

  test('inside a row, where SQLite cannot see it, is told of once it is met, without quoting what is there', async () => {
    const owner = await createOwner(1);
    await closeOthers();
    const bytes = readFileSync(fileOf(owner));
    const clock = bytes.indexOf(`{"${owner.person.device.id}":1}`);
    bytes[clock] = 0x2a;
    writeFileSync(fileOf(owner), bytes);
    const [id] = owner.ids;
    const change = {
      id,
      kind: 'entry',
      op: 'put',
      clock: { [owner.person.device.id]: 2 },
      epoch: 1,
      payload: 'AAAA',
    };
    const changes = [{ ...change, time: formatHybridTime(Date.now(), 0) }];
    expect(await call(owner, 'POST', '/sync/push', { changes })).toMatchObject({
      status: 503,
      body: { code: 'vault.damaged' },
    });
    expect(JSON.stringify(logged)).not.toContain(owner.person.device.id);
  });

  test('at a random page answers with what it has or with 503, and the process goes on', async () => {
    const owner = await createOwner(500);
    const copy = (await operator('backup', { vault: owner.vault, directory: copies })).body.file;
    const pages = Math.floor(readFileSync(copy).length / pageBytes);
    const answers = new Set<string>();
    for (let page = 1; page < pages; page += Math.max(1, Math.floor(pages / 12))) {
      await closeOthers();
      overwrite(fileOf(owner), page * pageBytes, pageBytes);
      for (const answer of [await call(owner, 'GET', '/sync/pull?limit=500'), await push(owner, 20)]) {
        answers.add(`${answer.status} ${answer.body.code ?? ''}`);
      }
      expect((await push(neighbour, 1)).status).toBe(200);
      expect((await operator('restore', { vault: owner.vault, file: copy })).status).toBe(200);
    }
    expect([...answers].filter((answer) => answer !== '200 ' && answer !== '503 vault.damaged')).toEqual([]);
    expect(answers).toContain('503 vault.damaged');
  });
});

const mayMount = process.platform === 'linux' && process.getuid?.() === 0 && canMount();
if (!mayMount)
  console.log(' Skipped: the tests on a full disk, because mounting a small one takes root on Linux.');

describe.skipIf(!mayMount)('a full disk', () => {
  let folder: string;
  beforeAll(async () => {
    await server.stop();
    folder = join(server.dataDir, 'vaults');
    // Over the vaults of the tests before, whose owners are not asked any more.
    run('mount', '-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder);
    await server.restart();
  });
  afterAll(async () => {
    await server.stop();
    run('umount', folder);
  });

  test('refuses pushes with 507, keeps every acknowledged change, reads on, and takes pushes again with room', async () => {
    const [writer, reader] = [await createOwner(1), await createOwner(3)];
    const filler = join(folder, 'filler');
    let refused: Answer | undefined;
    fill(filler, 600 * 1024);
    for (let round = 0; round < 100 && refused === undefined; round += 1) {
      const answer = await push(writer, 20, 3000);
      if (answer.status !== 200) refused = answer;
    }
    expect(refused).toMatchObject({ status: 507, body: { code: 'vault.disk_full' } });
    fill(filler, 0);
    expect(await push(writer, 20, 3000)).toMatchObject({ status: 507, body: { code: 'vault.disk_full' } });
    expect(await pullIds(writer)).toEqual(writer.ids);
    // This one was closed: there is no room for the files that an open vault has beside it.
    expect(await pullIds(reader)).toEqual(reader.ids);
    expect(await push(reader, 1)).toMatchObject({ status: 507, body: { code: 'vault.disk_full' } });
    expect(await pullIds(writer)).toEqual(writer.ids);
    // As devices pull, which say with each how far they have stored everything.
    for (const { status, body } of [await pullOn(writer), await pullOn(reader)])
      expect({ status, changes: body.changes }).toEqual({ status: 200, changes: [] });

    rmSync(filler);
    for (const owner of [writer, reader]) {
      expect((await push(owner, 5)).status).toBe(200);
      expect(await pullIds(owner)).toEqual(owner.ids);
    }
  });

  test('of the copies leaves vaults alone and says which copy failed', async () => {
    const owner = await createOwner(20);
    fill(join(folder, 'filler'), 0);
    const directory = join(folder, 'copies');
    const { status, body } = await operator('backup', { vault: owner.vault, directory });
    expect([status, body.code]).toEqual([503, 'vault.backup_failed']);
    rmSync(join(folder, 'filler'));
    expect((await push(owner, 1)).status).toBe(200);
    expect((await operator('backup', { vault: owner.vault, directory })).status).toBe(200);
  });
});

function overwrite(file: string, at: number, length: number): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.alloc(length, 0x2a), 0, length, at);
  closeSync(descriptor);
}

/** Writes until the disk is full or all but `leaveBytes` are taken. */
function fill(file: string, leaveBytes: number): void {
  const descriptor = openSync(file, 'a');
  let written = 0;
  try {
    for (;;) written += writeSync(descriptor, Buffer.alloc(pageBytes, 1));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  } finally {
    closeSync(descriptor);
  }
  if (leaveBytes > 0) truncateSync(file, Math.max(0, written - leaveBytes));
}

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
}

/** Containers let root mount nothing, unless told otherwise. */
function canMount(): boolean {
  const probe = join(tmpdir(), `alcove-mount-${process.pid}`);
  const script = `mkdir ${probe} && mount -t tmpfs -o size=64k tmpfs ${probe} && umount ${probe}; status=$?; rmdir ${probe}; exit $status`;
  return spawnSync('sh', ['-c', script]).status === 0;
}
