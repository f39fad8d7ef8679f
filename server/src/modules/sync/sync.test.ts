import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { syncLimits } from '@alcove/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '../../platform/telemetry/index.ts';
import {
  asPerson,
  type Person,
  pairDevice,
  registerPerson,
  startTestServer,
  type TestServer,
} from '../../testing/index.ts';

let server: TestServer;
let person: Person;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());
beforeEach(async () => {
  person = await registerPerson(server.url);
});

function entry(counter: number, members: Record<string, unknown> = {}) {
  return {
    id: randomUUID(),
    kind: 'entry',
    op: 'put',
    clock: { [person.device.id]: counter },
    time: '2026-11-20T07:00:00.000Z-0000',
    epoch: 1,
    payload: 'YQ',
    ...members,
  };
}

const push = (changes: readonly unknown[], headers?: Record<string, string>, atomic?: boolean) =>
  person.call('POST', '/sync/push', { changes, ...(atomic === undefined ? {} : { atomic }) }, headers);
const pull = (query = '') => person.call('GET', `/sync/pull${query}`);

describe('push and pull', () => {
  test('carry a change over the wire as the contract says', async () => {
    const change = entry(1);
    const pushed = await push([change]);
    expect(pushed.status).toBe(200);
    expect(pushed.headers.get('content-type')).toContain('application/json');
    expect(pushed.body).toEqual({
      results: [{ id: change.id, status: 'applied', seq: 1 }],
      cursor: expect.any(String),
      serverTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      counter: 1,
      warnings: [],
      bytesLeft: expect.any(Number),
    });
    const page = {
      changes: [{ ...change, seq: 1, deviceId: person.device.id, deleted: false }],
      cursor: pushed.body.cursor,
      hasMore: false,
      conflictsOpen: 0,
      serverTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    };
    expect((await pull()).body).toEqual(page);
    expect((await person.call('POST', '/sync/pull', {})).body).toEqual(page);
  });

  test('keep what was acknowledged over a restart of the service', async () => {
    const changes = [entry(1), entry(2)];
    await push(changes);
    await server.restart();
    const again = asPerson(server.url, person.keys, person);
    expect((await again.call('GET', '/sync/pull')).body.changes).toMatchObject(changes);
  });

  test('page by limit, kinds and cursor', async () => {
    await push([entry(1), entry(2, { kind: 'tag' }), entry(3), entry(4, { kind: 'memory' })]);
    const first = await pull('?limit=1&kinds=entry,memory');
    expect(first.body).toMatchObject({ changes: [{ seq: 1 }], hasMore: true });
    const rest = await pull(`?limit=500&kinds=entry,memory&cursor=${first.body.cursor}`);
    expect(rest.body).toMatchObject({ changes: [{ seq: 3 }, { seq: 4 }], hasMore: false });
    const acknowledged = await person.call('POST', '/sync/pull', {
      cursor: rest.body.cursor,
      acknowledged: rest.body.cursor,
      limit: 5,
      kinds: 'tag',
    });
    expect(acknowledged).toMatchObject({ status: 200, body: { changes: [], hasMore: false } });
  });

  test("never show another account's vault", async () => {
    const { body } = await push([entry(1)]);
    const stranger = await registerPerson(server.url);
    expect((await stranger.call('GET', '/sync/pull')).body.changes).toEqual([]);
    expect(await stranger.call('GET', `/sync/pull?cursor=${body.cursor}`)).toMatchObject({
      status: 410,
      body: { code: 'sync.resync_required' },
    });
  });

  test('meet at the first use of a vault without making two', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, (_, at) => push([entry(at + 1)])));
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200));
    expect((await pull()).body.changes).toHaveLength(10);
  });

  test('ask for a device', async () => {
    const without = await fetch(`${server.url}/api/v1/sync/pull`);
    expect(without.status).toBe(401);
  });
});

describe('a repeated push', () => {
  test('with its Idempotency-Key answers the same, and says that it is a replay', async () => {
    const changes = [entry(1)];
    const first = await push(changes, { 'idempotency-key': 'key-1' });
    const second = await push(changes, { 'x-idempotency-key': '"key-1"' });
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    expect(second).toMatchObject({ status: 200, body: first.body });
    expect(second.headers.get('idempotency-replayed')).toBe('true');
  });

  test('with the key of another request is a 422', async () => {
    await push([entry(1)], { 'idempotency-key': 'key-1' });
    expect(await push([entry(2)], { 'idempotency-key': 'key-1' })).toMatchObject({
      status: 422,
      body: { code: 'idempotency.key_reused' },
    });
  });

  test("does not meet another account's key", async () => {
    await push([entry(1)], { 'idempotency-key': 'key-1' });
    const stranger = await registerPerson(server.url);
    expect(
      (await stranger.call('POST', '/sync/push', { changes: [] }, { 'idempotency-key': 'key-1' })).status,
    ).toBe(200);
  });
});

describe('what is refused', () => {
  test('one malformed change is its own result, with a code and a sentence', async () => {
    const { status, body } = await push([entry(1, { epoch: 'one' }), entry(2)]);
    expect(status).toBe(200);
    expect(body.results).toMatchObject([
      {
        status: 'rejected',
        code: 'sync.invalid_change',
        detail: 'epoch must be an integer from 1 to 2147483647, got a text of 3 characters',
      },
      { status: 'applied' },
    ]);
  });

  test('an atomic push that fails is a 409 with the results', async () => {
    const answer = await push([entry(1), entry(2, { op: 'merge' })], {}, true);
    expect(answer).toMatchObject({
      status: 409,
      body: { code: 'sync.atomic_failed', results: [{ status: 'rejected' }, { status: 'rejected' }] },
    });
    expect((await pull()).body.changes).toEqual([]);
  });

  test.each<[string, unknown, number, string]>([
    ['JSON that is cut off', '{"changes":[', 400, 'request.malformed_json'],
    ['JSON that nests too deep', `{"changes":[${'['.repeat(2_000_000)}`, 400, 'request.invalid'],
    ['an unknown member', { changes: [], colour: 'red' }, 400, 'request.invalid'],
    ['no changes', {}, 400, 'request.invalid'],
    ['more than 500 changes', { changes: Array(501).fill(0) }, 400, 'request.invalid'],
    [
      'more than 4 MiB',
      { changes: ['A'.repeat(syncLimits.pushBodyBytesMax)] },
      413,
      'request.body_too_large',
    ],
  ])('a push of %s', async (_, body, status, code) => {
    expect(await person.call('POST', '/sync/push', body)).toMatchObject({ status, body: { code } });
  });

  test.each([
    '?limit=0',
    '?limit=501',
    '?limit=many',
    '?limit=1.5',
    '?limit=true',
    '?limit=0x10',
    '?limit=1e2',
    '?limit=',
    '?limit=1&limit=2',
    '?kinds=photo',
    '?colour=red',
    '?cursor=garbage',
  ])('a pull with %s', async (query) => {
    expect((await pull(query)).status).toBe(400);
  });

  test('a body of nearly 4 MiB is taken', async () => {
    const changes = Array.from({ length: 6 }, (_, at) =>
      entry(at + 1, { payload: 'A'.repeat(syncLimits.payloadLengthMax) }),
    );
    expect((await push(changes)).body.results).toMatchObject(
      changes.map(({ id }) => ({ id, status: 'applied' })),
    );
  });
});

test('leaving entries to the last writer is answered when every conflict is settled, however many there are', async () => {
  await person.mintFirstEpoch();
  const phone = (await pairDevice(server.url, person)).person;
  const ids = Array.from({ length: 1100 }, () => randomUUID());
  for (const device of [person, phone]) {
    for (let from = 0; from < ids.length; from += 500) {
      const changes = ids.slice(from, from + 500).map((id, at) => {
        const payload = device === phone ? 'YQ' : 'YWI';
        return entry(1, { id, clock: { [device.device.id]: from + at + 1 }, payload });
      });
      await device.call('POST', '/sync/push', { changes });
    }
  }
  const openCount = async () => (await person.call('GET', '/sync/status')).body.conflictsOpen;
  expect(await openCount()).toBe(1100);
  const policy = { entries: 'last-writer-wins' };
  expect(await person.call('PUT', '/sync/policy', policy)).toMatchObject({ status: 200, body: policy });
  expect(await openCount()).toBe(0);
});

test('a vault whose file is gone is a failure, never an empty vault, and the log says which it is', async () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'warn', write: (line) => lines.push(line) });
  await using own = await startTestServer({ log });
  const owner = await registerPerson(own.url);
  const change = { ...entry(1), clock: { [owner.device.id]: 1 } };
  await owner.call('POST', '/sync/push', { changes: [change] });
  await own.restart();
  const directory = join(own.dataDir, 'vaults');
  const [file = ''] = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.db'),
  );
  for (const folder of readdirSync(directory)) rmSync(join(directory, folder), { recursive: true });
  const answer = await asPerson(own.url, owner.keys, owner).call('GET', '/sync/pull');
  expect(answer).toMatchObject({ status: 503, body: { code: 'vault.missing' } });
  const vault = basename(file, '.db');
  expect(lines.filter((line) => line.includes('vault.missing'))).toEqual([expect.stringContaining(vault)]);
  expect(JSON.stringify(answer.body)).not.toContain(vault);
});
