/** The rules of a vault, through HTTP: conflicts, the policy, the quota, epochs, deletions and limits of an account. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  asPerson,
  createTestClock,
  type Person,
  pairDevice,
  registerPerson,
  startTestServer,
  type TestServer,
} from '../../testing/index.ts';

const clock = createTestClock();
const dayMs = 24 * 60 * 60 * 1000;
let server: TestServer;
let laptop: Person;
let phone: Person;

beforeAll(async () => {
  server = await startTestServer({
    clock,
    env: { ALCOVE_LIMIT_VAULT_BYTES: '20000', ALCOVE_LIMIT_VAULT_ITEMS: '3', ALCOVE_LIMIT_VAULT_CALLS: '4' },
  });
});
afterAll(() => server.close());
beforeEach(async () => {
  laptop = await registerPerson(server.url);
  await laptop.mintFirstEpoch();
  phone = (await pairDevice(server.url, laptop)).person;
});

const nowAsHybridTime = () => `${new Date(clock.now()).toISOString()}-0000`;

function entry(seen: Record<string, number>, members: Record<string, unknown> = {}) {
  const isDeletion = members.op === 'delete';
  return {
    id: 'entry-0000000000001',
    kind: 'entry',
    op: 'put',
    clock: seen,
    time: nowAsHybridTime(),
    epoch: 1,
    ...(isDeletion ? {} : { payload: 'YQ' }),
    ...members,
  };
}

const of = (person: Person) => person.device.id;
const push = (person: Person, ...changes: unknown[]) => person.call('POST', '/sync/push', { changes });
const status = async () => (await laptop.call('GET', '/sync/status')).body;

/** Reads to the end and says so, as a device does that stores what it reads. */
async function catchUp(person: Person): Promise<string> {
  const { body } = await person.call('GET', '/sync/pull');
  await person.call('POST', '/sync/pull', { cursor: body.cursor, acknowledged: body.cursor });
  return body.cursor;
}

async function diverge(): Promise<string> {
  await push(laptop, entry({ [of(laptop)]: 1 }));
  const { body } = await push(phone, entry({ [of(phone)]: 1 }));
  return body.results[0].conflictId;
}

describe('a conflict', () => {
  test('is listed to every device, resolved by one, and over for all', async () => {
    const id = await diverge();
    for (const person of [laptop, phone]) {
      expect((await person.call('GET', '/sync/conflicts')).body).toMatchObject({
        data: [{ id, itemId: 'entry-0000000000001', kind: 'entry', state: 'open', versions: [{}, {}] }],
        nextCursor: null,
      });
    }
    const change = entry({ [of(laptop)]: 2, [of(phone)]: 1 });
    expect(await laptop.call('POST', `/sync/conflicts/${id}/resolve`, { change })).toMatchObject({
      status: 200,
      body: { id: 'entry-0000000000001', status: 'applied', seq: 3 },
    });
    expect((await phone.call('GET', '/sync/conflicts?state=open&limit=1')).body.data).toEqual([]);
    expect((await phone.call('GET', '/sync/conflicts?state=resolved')).body.data).toMatchObject([{ id }]);
    expect((await phone.call('GET', '/sync/pull')).body.conflictsOpen).toBe(0);
  });

  test('that is resolved with an Idempotency-Key is answered the same again, and says so', async () => {
    const path = `/sync/conflicts/${await diverge()}/resolve`;
    const body = { change: entry({ [of(laptop)]: 2, [of(phone)]: 1 }), sentCounter: 1 };
    const first = await laptop.call('POST', path, body, { 'idempotency-key': 'key' });
    const second = await laptop.call('POST', path, body, { 'idempotency-key': 'key' });
    expect(second).toMatchObject({ status: 200, body: first.body });
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    const elsewhere = await laptop.call('POST', '/sync/push', { changes: [] }, { 'idempotency-key': 'key' });
    expect(elsewhere).toMatchObject({ status: 422, body: { code: 'idempotency.key_reused' } });
  });

  test('of another account answers like one that never was, and stays', async () => {
    const id = await diverge();
    const stranger = await registerPerson(server.url);
    const change = { ...entry({ [of(stranger)]: 1 }) };
    for (const path of [id, randomUUID()]) {
      expect(await stranger.call('POST', `/sync/conflicts/${path}/resolve`, { change })).toMatchObject({
        status: 404,
        body: { code: 'sync.conflict_not_found' },
      });
    }
    expect((await stranger.call('GET', '/sync/conflicts')).body.data).toEqual([]);
    expect((await status()).conflictsOpen).toBe(1);
  });

  test.each<[string, unknown, string]>([
    ['JSON that is cut off', '{"change":', 'request.malformed_json'],
    ['no change', {}, 'request.invalid'],
    ['an unknown member', { change: {}, colour: 'red' }, 'request.invalid'],
  ])('is not resolved by %s', async (_, body, code) => {
    const id = await diverge();
    expect(await laptop.call('POST', `/sync/conflicts/${id}/resolve`, body)).toMatchObject({
      status: 400,
      body: { code },
    });
  });

  test.each(['?state=closed', '?limit=0', '?limit=201', '?cursor=x', '?colour=red'])(
    'is not listed with %s',
    async (query) => {
      expect((await laptop.call('GET', `/sync/conflicts${query}`)).status).toBe(400);
    },
  );
});

describe('the policy', () => {
  test('is set for the account, stands in its status and is written down', async () => {
    const policy = { entries: 'last-writer-wins' };
    expect(await laptop.call('PUT', '/sync/policy', policy)).toMatchObject({ status: 200, body: policy });
    expect((await status()).policy).toEqual(policy);
    await push(laptop, entry({ [of(laptop)]: 1 }));
    expect((await push(phone, entry({ [of(phone)]: 1 }))).body.results).toMatchObject([{ status: 'merged' }]);
    const logs = await laptop.call('GET', '/audit/logs?action=vault.policy_set');
    expect(logs.body.data).toMatchObject([{ actor: `account:${laptop.account.id}`, detail: policy }]);
  });

  test.each([{}, { entries: 'newest' }, { entries: 'manual', memories: 'manual' }])(
    'is not %j',
    async (policy) => {
      expect((await laptop.call('PUT', '/sync/policy', policy)).status).toBe(400);
    },
  );
});

describe('the status', () => {
  test('says what the vault holds and may hold, and how far each device in use has stored it', async () => {
    const { body } = await push(laptop, entry({ [of(laptop)]: 1 }));
    await catchUp(phone);
    const { bytes, ...rest } = await status();
    expect(rest).toEqual({
      items: 1,
      quotaItems: 3,
      quotaBytes: 20_000,
      generation: expect.stringMatching(/^[0-9a-f]{32}$/),
      floor: 0,
      cursor: body.cursor,
      conflictsOpen: 0,
      policy: { entries: 'manual' },
      devices: [
        { id: of(laptop), acknowledgedSeq: 0 },
        { id: of(phone), acknowledgedSeq: 1 },
      ].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    });
    expect(body.bytesLeft).toBe(20_000 - bytes);
    await laptop.call('DELETE', `/auth/devices/${of(phone)}`);
    expect((await status()).devices).toEqual([{ id: of(laptop), acknowledgedSeq: 0 }]);
  });
});

describe('a vault that is full', () => {
  test('refuses what is too much, alone, and takes deletions', async () => {
    const payload = 'A'.repeat(15_000);
    const other = entry({ [of(laptop)]: 2 }, { id: randomUUID(), payload });
    const { body } = await push(laptop, entry({ [of(laptop)]: 1 }, { payload }), other);
    expect(body.results).toMatchObject([
      { status: 'applied' },
      { status: 'rejected', code: 'sync.quota_exceeded' },
    ]);
    await push(laptop, entry({ [of(laptop)]: 3 }, { op: 'delete' }));
    expect((await push(laptop, { ...other, clock: { [of(laptop)]: 4 } })).body.results).toMatchObject([
      { status: 'applied' },
    ]);
  });
});

describe('a copy of a store', () => {
  test('is told so before anything of it is written', async () => {
    await push(laptop, entry({ [of(laptop)]: 3 }));
    const answer = await laptop.call('POST', '/sync/push', {
      changes: [entry({ [of(laptop)]: 4 })],
      sentCounter: 2,
    });
    expect(answer).toMatchObject({ status: 409, body: { code: 'sync.device_cloned', counter: 3 } });
    expect((await laptop.call('GET', '/sync/pull')).body.changes).toMatchObject([{ seq: 1 }]);
  });
});

describe('an epoch that is over', () => {
  test('is refused once its grace is over, from whichever device', async () => {
    const shares = [of(laptop), of(phone)].map((deviceId) => ({ deviceId, wrapped: 'A'.repeat(80) }));
    expect(await laptop.call('PUT', '/sync/keys', { epoch: 2, shares, log: [] })).toMatchObject({
      status: 200,
    });
    expect((await push(phone, entry({ [of(phone)]: 1 }))).body.results).toMatchObject([
      { status: 'applied' },
    ]);
    clock.forward(61_000);
    expect((await push(phone, entry({ [of(phone)]: 2 }))).body.results).toMatchObject([
      { status: 'rejected', code: 'sync.epoch_retired' },
    ]);
    expect((await push(phone, entry({ [of(phone)]: 3 }, { epoch: 2 }))).body.results).toMatchObject([
      { status: 'applied' },
    ]);
  });
});

describe('a deletion', () => {
  let early: string;

  beforeEach(async () => {
    early = (await push(laptop, entry({ [of(laptop)]: 1 }))).body.cursor;
    await push(laptop, entry({ [of(laptop)]: 2 }, { op: 'delete' }));
  });

  test('is forgotten when the last device in use has stored it', async () => {
    await catchUp(laptop);
    expect((await status()).floor).toBe(0);
    await catchUp(phone);
    expect(await status()).toMatchObject({ floor: 2, bytes: 0 });
    expect((await push(laptop, entry({ [of(laptop)]: 1 }))).body.results).toMatchObject([
      { status: 'rejected', code: 'sync.clock_forgotten' },
    ]);
  });

  test('does not wait for a device that was revoked', async () => {
    await push(phone, entry({ [of(phone)]: 1 }, { id: randomUUID() }));
    await catchUp(laptop);
    expect((await status()).floor).toBe(0);
    await laptop.call('DELETE', `/auth/devices/${of(phone)}`);
    clock.forward(dayMs);
    const { body } = await laptop.call('POST', '/auth/refresh', { refreshToken: laptop.tokens.refreshToken });
    const again = asPerson(server.url, laptop.keys, { ...laptop, tokens: body.tokens });
    await push(again, entry({ [of(laptop)]: 3 }, { id: randomUUID() }));
    await catchUp(again);
    expect((await again.call('GET', '/sync/status')).body.floor).toBe(2);
  });

  test('that was forgotten asks whoever missed it to read anew, and says what was known', async () => {
    await catchUp(laptop);
    await catchUp(phone);
    expect(await phone.call('GET', `/sync/pull?cursor=${early}`)).toMatchObject({
      status: 410,
      body: { code: 'sync.resync_required', reason: 'collected', knownUpToSeq: 2 },
    });
    const stranger = await registerPerson(server.url);
    expect(await stranger.call('GET', `/sync/pull?cursor=${early}`)).toMatchObject({
      status: 410,
      body: { code: 'sync.resync_required', reason: 'other_vault', knownUpToSeq: 0 },
    });
  });
});

test('one account has a few calls of its vault under way at once, and the others are told to wait', async () => {
  const stranger = await registerPerson(server.url);
  const ask = (length: number) => Promise.all(Array.from({ length }, () => laptop.call('GET', '/sync/pull')));
  // How many of them meet is the machine's to say, so there are more until some have met.
  let [answers, other] = await Promise.all([ask(40), stranger.call('GET', '/sync/pull')]);
  for (let more = 80; more <= 1280 && answers.every(({ status }) => status === 200); more *= 2)
    answers = await ask(more);
  const refused = answers.filter(({ status }) => status === 429);
  expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(4);
  expect(refused.length).toBeGreaterThan(0);
  for (const { body, headers } of refused) {
    expect(body.code).toBe('sync.too_many_calls');
    expect(headers.get('retry-after')).toBe('1');
  }
  expect(other.status).toBe(200);
  expect((await laptop.call('GET', '/sync/pull')).status).toBe(200);
});
