import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { formatHybridTime } from '@alcove/contract/hybrid-time';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../../platform/telemetry/index.ts';
import {
  type Answer,
  asPerson,
  behindTheScenes,
  callApi,
  createTestClock,
  openVaultFile,
  type Person,
  registerPerson,
  startTestServer,
  type TestClock,
  type TestServer,
} from '../../../testing/index.ts';

const token = 'an-operator-token-for-tests-only';
const env = { ALCOVE_OPERATOR_TOKEN: token };

let clock: TestClock;
let server: TestServer;
let logged: { msg: string; vault?: string }[];
beforeAll(async () => {
  clock = createTestClock();
  logged = [];
  const log = createLogger({ level: 'info', human: false, write: (line) => logged.push(JSON.parse(line)) });
  server = await startTestServer({ env, clock, log });
});
afterAll(() => server.close());

function operator(method: string, path: string, body?: unknown): Promise<Answer> {
  return callApi(server.url, method, `/admin/vaults${path}`, body, { authorization: `Bearer ${token}` });
}

/** The server gets another address whenever it is started again. */
const at = (person: Person) => asPerson(server.url, person.keys, person);

let counter = 0;
async function push(person: Person, id: string): Promise<Answer> {
  counter += 1;
  const clockOf = { [person.device.id]: counter };
  const time = formatHybridTime(clock.now(), 0);
  const change = { id, kind: 'entry', op: 'put', clock: clockOf, time, epoch: 1, payload: 'AAAA' };
  return at(person).call('POST', '/sync/push', { changes: [change] });
}

async function pullIds(person: Person): Promise<string[]> {
  const { body } = await at(person).call('GET', '/sync/pull');
  return body.changes.map(({ id }: { id: string }) => id);
}

/** Somebody whose vault holds one entry. */
async function createOwner(): Promise<{ person: Person; vault: string }> {
  const person = await registerPerson(server.url);
  await person.mintFirstEpoch();
  expect((await push(person, 'the-first-entry-of-all')).status).toBe(200);
  const { body } = await operator('GET', `?account=${person.account.id}`);
  return { person, vault: body.data[0].name };
}

async function createFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'alcove-copies-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A sweep gives way to whatever people ask for, on a busy machine for long. */
const patience = { timeout: 30_000 };

const fileOf = (vault: string) => join(server.dataDir, 'vaults', vault.slice(0, 2), `${vault}.db`);

test.each([
  ['GET', ''],
  ['GET', '/progress'],
  ['POST', '/migrate'],
  ['POST', '/backup'],
  ['POST', '/restore'],
  ['POST', '/branch'],
])('%s /admin/vaults%s answers the holder of the token alone, on this machine too', async (method, path) => {
  const ada = await registerPerson(server.url);
  expect((await callApi(server.url, method, `/admin/vaults${path}`)).status).toBe(401);
  expect((await ada.call(method, `/admin/vaults${path}`)).status).toBe(401);
});

describe('the list', () => {
  const cursorAfter = (pages: readonly Answer['body'][]) =>
    pages.length === 0 ? '' : `&cursor=${pages.at(-1).nextCursor}`;

  test('names vaults and not whose they are, page by page', async () => {
    const owners = [await createOwner(), await createOwner(), await createOwner()];
    const pages: Answer['body'][] = [];
    do pages.push((await operator('GET', `?limit=2${cursorAfter(pages)}`)).body);
    while (pages.at(-1).nextCursor !== null);
    const names = pages.flatMap(({ data }) => data.map(({ name }: { name: string }) => name));
    expect(names).toEqual([...names].sort());
    expect(names).toEqual(expect.arrayContaining(owners.map(({ vault }) => vault)));
    for (const { person } of owners) expect(JSON.stringify(pages)).not.toContain(person.account.id);
  });

  test('finds the vault of an account, and nothing where it has none', async () => {
    const { person, vault } = await createOwner();
    const none = await registerPerson(server.url);
    expect((await operator('GET', `?account=${person.account.id}`)).body.data).toMatchObject([
      { name: vault },
    ]);
    expect((await operator('GET', `?account=${none.account.id}`)).body.data).toEqual([]);
  });
});

describe('bringing vaults to the newest schema', () => {
  /** As an older Alcove left them; `migrateAt` is when they may be looked at again. */
  async function leaveBehind(vaults: readonly string[], migrateAt: Date | null = null): Promise<void> {
    await behindTheScenes(server, async (tx) => {
      for (const vault of vaults) {
        using database = openVaultFile(fileOf(vault));
        database.exec(`DELETE FROM schema_version WHERE version >= 3;
          ALTER TABLE device_info DROP COLUMN came_with;
          ALTER TABLE meta DROP COLUMN conflicts_open;
          DROP INDEX conflicts_listed; DROP INDEX conflicts_detected;
          DROP TABLE entry_embeddings; DROP TABLE llm_usage`);
      }
      await sql`update vault set schema_version = 2, migrate_at = ${migrateAt}
        where name in (${sql.join([...vaults])})`.execute(tx);
    });
  }

  const progress = async () => (await operator('GET', '/progress')).body;

  test('happens behind the start, to all of them, without anybody opening them', async () => {
    const owners = [await createOwner(), await createOwner(), await createOwner()];
    await leaveBehind(owners.map(({ vault }) => vault));
    await expect.poll(progress, patience).toMatchObject({ waiting: 0, troubled: 0 });
    for (const { person } of owners) expect(await pullIds(person)).toEqual(['the-first-entry-of-all']);
  });

  test('counts what a vault of today counts as it goes', async () => {
    const { person, vault } = await createOwner();
    await behindTheScenes(server, async () => {
      using database = openVaultFile(fileOf(vault));
      database.exec(`INSERT INTO conflicts (id, kind, item_id, detected_at, state) VALUES
        ('00000000-0000-7000-8000-000000000001', 'entry', 'an-entry-of-long-ago', '2026', 'open'),
        ('00000000-0000-7000-8000-000000000002', 'entry', 'an-entry-of-long-ago', '2025', 'resolved')`);
    });
    await leaveBehind([vault]);
    const { body } = await at(person).call('GET', '/sync/status');
    expect(body).toMatchObject({ items: 1, conflictsOpen: 1 });
  });

  test('tells of each vault in trouble, leaves the others alone, tries again, and says when it is mended', async () => {
    const [broken, whole] = [await createOwner(), await createOwner()];
    await behindTheScenes(server, async (tx) => {
      using database = openVaultFile(fileOf(broken.vault));
      database.exec(`INSERT INTO schema_version VALUES (99, 'from the future', '')`);
      await sql`update vault set schema_version = null where name = ${broken.vault}`.execute(tx);
    });
    await expect.poll(progress, patience).toMatchObject({ waiting: 0, troubled: 1 });
    const { data } = (await operator('GET', '?only=troubled')).body;
    expect(data).toMatchObject([{ name: broken.vault, trouble: { code: 'vault.newer', attempts: 1 } }]);
    const refused = await push(broken.person, 'an-entry-that-is-refused');
    expect(refused).toMatchObject({ status: 503, body: { code: 'vault.newer' } });
    expect((await push(whole.person, 'an-entry-that-is-taken')).status).toBe(200);
    const health = await fetch(`${server.url}/health/detailed`);
    expect(await health.json()).toMatchObject({
      components: { vaults: { status: 'ok', detail: expect.stringMatching(/0 waiting, 1 in trouble$/) } },
    });

    await server.runJob('sync.migrate-vaults');
    expect((await operator('GET', '?only=troubled')).body.data[0].trouble.attempts).toBe(1);
    clock.forward(61_000);
    await server.runJob('sync.migrate-vaults');
    expect((await operator('GET', '?only=troubled')).body.data[0].trouble.attempts).toBe(2);

    await behindTheScenes(server, async () => {
      using database = openVaultFile(fileOf(broken.vault));
      database.exec('DELETE FROM schema_version WHERE version = 99');
    });
    expect((await operator('POST', '/migrate')).status).toBe(202);
    await expect.poll(progress, patience).toMatchObject({ waiting: 0, troubled: 0 });
  });

  test('does not end with the first that are claimed', async () => {
    const owners = await Promise.all(Array.from({ length: 45 }, createOwner));
    await leaveBehind(
      owners.map(({ vault }) => vault),
      new Date(clock.now() - 1),
    );
    await server.runJob('sync.migrate-vaults');
    expect(await progress()).toMatchObject({ waiting: 0, troubled: 0 });
  });

  test('takes over from a node that died with its claim, once that is over', async () => {
    const { vault } = await createOwner();
    await leaveBehind([vault], new Date(clock.now() + 10 * 60_000));
    await server.runJob('sync.migrate-vaults');
    expect(await progress()).toMatchObject({ waiting: 1 });
    clock.forward(10 * 60_000 + 1);
    await server.runJob('sync.migrate-vaults');
    expect(await progress()).toMatchObject({ waiting: 0 });
  });
});

describe('a vault that nobody comes to', () => {
  const dayMs = 24 * 60 * 60 * 1000;
  const infoOf = async ({ person }: { person: Person }) =>
    (await operator('GET', `?account=${person.account.id}`)).body.data[0];
  const answersIn = (vault: string) => {
    using database = openVaultFile(fileOf(vault));
    return database.prepare('SELECT count(*) AS count FROM idempotency').get()?.count;
  };

  /** Whose vault keeps an answer, for nobody comes to have it tidied. */
  async function createAbsentOwner() {
    const owner = await createOwner();
    const body = { changes: [] };
    const headers = { 'idempotency-key': 'a-key-for-an-answer-that-is-kept' };
    expect(await at(owner.person).call('POST', '/sync/push', body, headers)).toMatchObject({ status: 200 });
    expect(answersIn(owner.vault)).toBe(1);
    return owner;
  }

  test('is tidied within a month, at its turn and not before, and is left closed', async () => {
    const owner = await createAbsentOwner();
    const { tidiedAt, tidyAt } = await infoOf(owner);
    const inDays = (Date.parse(tidyAt) - clock.now()) / dayMs;
    expect([tidiedAt, inDays > 0.9, inDays < 30.1]).toEqual([null, true, true]);
    await server.restart();
    await server.runJob('sync.tidy-vaults');
    expect(await infoOf(owner)).toMatchObject({ tidiedAt: null, tidyAt });
    clock.forward(31 * dayMs);
    expect((await operator('GET', '/progress')).body.untidy).toBeGreaterThan(0);
    await server.runJob('sync.tidy-vaults');
    expect((await operator('GET', '/progress')).body.untidy).toBe(0);
    expect(answersIn(owner.vault)).toBe(0);
    expect(await (await fetch(`${server.url}/metrics`)).text()).toContain('\nalcove_vaults_open 0\n');
    const after = await infoOf(owner);
    expect(Date.parse(after.tidyAt) - Date.parse(after.tidiedAt)).toBe(30 * dayMs);
  });

  test('is tidied in one run with many others', async () => {
    const owners = await Promise.all(Array.from({ length: 45 }, createAbsentOwner));
    clock.forward(61 * dayMs);
    await server.runJob('sync.tidy-vaults');
    for (const { vault } of owners) expect(answersIn(vault)).toBe(0);
  });

  /** As the vault itself has it done, or a node that claimed it. */
  const makeDue = (vault: string, tidyAt: Date) =>
    behindTheScenes(server, (tx) =>
      sql`update vault set tidy_at = ${tidyAt} where name = ${vault}`.execute(tx),
    );

  test('is taken over from a node that died with it', async () => {
    const { vault, person } = await createAbsentOwner();
    await makeDue(vault, new Date(clock.now() + dayMs));
    await server.runJob('sync.tidy-vaults');
    expect((await infoOf({ person })).tidiedAt).toBeNull();
    clock.forward(dayMs + 1);
    await server.runJob('sync.tidy-vaults');
    expect(answersIn(vault)).toBe(0);
    expect((await infoOf({ person })).tidiedAt).not.toBeNull();
  });

  test('and is broken is named, leaves the others alone, and is tidied when it is mended', async () => {
    const [broken, whole] = [await createAbsentOwner(), await createAbsentOwner()];
    const folder = await createFolder();
    const { body } = await operator('POST', '/backup', { vault: broken.vault, directory: folder });
    await behindTheScenes(server, async () =>
      writeFileSync(fileOf(broken.vault), 'not a database '.repeat(2000)),
    );
    clock.forward(61 * dayMs);
    await server.runJob('sync.tidy-vaults');
    expect(answersIn(whole.vault)).toBe(0);
    expect((await operator('GET', '?only=troubled')).body.data).toMatchObject([
      { name: broken.vault, trouble: { code: 'vault.damaged', attempts: 1 } },
    ]);
    expect(await operator('POST', '/restore', { vault: broken.vault, file: body.file })).toMatchObject({
      status: 200,
    });
    clock.forward(dayMs);
    await server.runJob('sync.tidy-vaults');
    expect(answersIn(broken.vault)).toBe(0);
    expect((await operator('GET', '?only=troubled')).body.data).toEqual([]);
  });

  test('whose owner comes is not opened for it besides', async () => {
    const owner = await createAbsentOwner();
    await makeDue(owner.vault, new Date(clock.now() - 1));
    const { cursor } = (await at(owner.person).call('GET', '/sync/pull')).body;
    await at(owner.person).call('POST', '/sync/pull', { cursor, acknowledged: cursor });
    const before = await infoOf(owner);
    expect(before.tidiedAt).not.toBeNull();
    await server.runJob('sync.tidy-vaults');
    expect(await infoOf(owner)).toEqual(before);
  });
});

describe('a backup', () => {
  test('of a vault that is being written to is whole, and holds what was acknowledged before', async () => {
    const { person, vault } = await createOwner();
    const directory = await createFolder();
    const { status, body } = await operator('POST', '/backup', { vault, directory });
    expect([status, body.file]).toEqual([200, join(directory, `${vault}.db`)]);
    expect(readdirSync(directory)).toEqual([`${vault}.db`]);
    using copy = new DatabaseSync(body.file, { readOnly: true });
    expect(copy.prepare('SELECT id FROM synced_entries').all()).toEqual([{ id: 'the-first-entry-of-all' }]);
    expect((await push(person, 'an-entry-for-afterwards')).status).toBe(200);
  });

  test.each([
    [{ directory: 'relative' }, 400, 'vault.path_not_absolute'],
    [{ vault: 'f'.repeat(32) }, 404, 'vault.unknown'],
    [{ vault: '../../etc/passwd' }, 400, 'request.invalid'],
    [{ directory: '/dev/null/folder' }, 503, 'vault.backup_failed'],
  ])('with %j answers %i %s', async (wrong, status, code) => {
    const { vault } = await createOwner();
    const request = { vault, directory: '/tmp', ...wrong };
    expect(await operator('POST', '/backup', request)).toMatchObject({ status, body: { code } });
  });
});

describe('a new history of what there is', () => {
  test('loses nothing, and takes nothing that a device has for deleted', async () => {
    const { person, vault } = await createOwner();
    const { body: before } = await at(person).call('GET', '/sync/pull');
    expect(await operator('POST', '/branch', { vault })).toMatchObject({ status: 200, body: { vault } });
    expect(await at(person).call('GET', `/sync/pull?cursor=${before.cursor}`)).toMatchObject({
      status: 410,
      body: { code: 'sync.resync_required', reason: 'other_vault', knownUpToSeq: 0 },
    });
    expect(await pullIds(person)).toEqual(['the-first-entry-of-all']);
    const { body } = await at(person).call('GET', '/audit/logs?action=vault.restored');
    expect(body.data).toMatchObject([{ actor: 'operator', target: `account:${person.account.id}` }]);
  });

  test('is refused for a vault that is not known', async () => {
    expect(await operator('POST', '/branch', { vault: 'f'.repeat(32) })).toMatchObject({
      status: 404,
      body: { code: 'vault.unknown' },
    });
  });
});

describe('a restore', () => {
  async function backUp(vault: string): Promise<string> {
    const { body } = await operator('POST', '/backup', { vault, directory: await createFolder() });
    return body.file;
  }

  test('begins another history: devices are sent back to the beginning and told what they still may believe', async () => {
    const { person, vault } = await createOwner();
    const file = await backUp(vault);
    const { body: atBackup } = await at(person).call('GET', '/sync/pull');
    await push(person, 'an-entry-after-the-backup');
    const { body: ahead } = await at(person).call('GET', '/sync/pull');
    expect(await operator('POST', '/restore', { vault, file })).toMatchObject({
      status: 200,
      body: { vault },
    });
    for (const { cursor } of [atBackup, ahead]) {
      expect(await at(person).call('GET', `/sync/pull?cursor=${cursor}`)).toMatchObject({
        status: 410,
        body: { code: 'sync.resync_required', reason: 'restored', knownUpToSeq: 1 },
      });
    }
    expect(await pullIds(person)).toEqual(['the-first-entry-of-all']);
    expect((await push(person, 'an-entry-after-the-restore')).body.results).toMatchObject([
      { status: 'applied', seq: 2 },
    ]);
  });

  test('stands in the audit log of the account', async () => {
    const { person, vault } = await createOwner();
    await operator('POST', '/restore', { vault, file: await backUp(vault) });
    const { body } = await at(person).call('GET', '/audit/logs?action=vault.restored');
    expect(body.data).toMatchObject([{ actor: 'operator', target: `account:${person.account.id}` }]);
  });

  test.each([
    ['lost', (file: string) => rmSync(file)],
    ['damaged', (file: string) => writeFileSync(file, 'not a database '.repeat(2000))],
  ])('heals a vault that was %s', async (_, spoil) => {
    const { person, vault } = await createOwner();
    const file = await backUp(vault);
    await behindTheScenes(server, async () => spoil(fileOf(vault)));
    expect((await push(person, 'an-entry-that-is-refused')).status).toBe(503);
    expect((await operator('POST', '/restore', { account: person.account.id, file })).status).toBe(200);
    expect(await pullIds(person)).toEqual(['the-first-entry-of-all']);
    await expect.poll(async () => (await operator('GET', '/progress')).body.troubled).toBe(0);
    const told = logged.filter((line) => line.vault === vault).map(({ msg }) => msg);
    expect(told).toContain('a vault serves its owner again');
  });

  test('gives an account a vault that has none yet', async () => {
    const { vault } = await createOwner();
    const file = await backUp(vault);
    const newcomer = await registerPerson(server.url);
    expect((await operator('POST', '/restore', { account: newcomer.account.id, file })).status).toBe(200);
    expect(await pullIds(newcomer)).toEqual(['the-first-entry-of-all']);
  });

  test.each([
    [{}, 400, 'vault.one_only'],
    [{ vault: 'f'.repeat(32) }, 404, 'vault.unknown'],
    [{ account: '00000000-0000-7000-8000-000000000000' }, 404, 'vault.account_unknown'],
    [{ vault: 'f'.repeat(32), file: 'relative.db' }, 400, 'vault.path_not_absolute'],
  ])('of %j answers %i %s', async (request, status, code) => {
    expect(await operator('POST', '/restore', { file: '/nowhere.db', ...request })).toMatchObject({
      status,
      body: { code },
    });
  });

  test('from what is no copy of a vault changes nothing', async () => {
    const { person, vault } = await createOwner();
    expect(await operator('POST', '/restore', { vault, file: '/nowhere.db' })).toMatchObject({
      status: 422,
      body: { code: 'vault.backup_unusable' },
    });
    expect(await pullIds(person)).toEqual(['the-first-entry-of-all']);
  });
});
