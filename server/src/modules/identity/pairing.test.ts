import type { LogEntry } from '@alcove/contract/identity';
import { logEntryHash, pairingClaimText } from '@alcove/contract/keys';
import pg from 'pg';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import {
  type Answer,
  asPerson,
  callApi,
  createTestClock,
  createTestDevice,
  type Person,
  registerPerson,
  startTestServer,
  type TestDevice,
  type TestServer,
  wrappedKey,
} from '../../testing/index.ts';

const isOnPostgres = (process.env.TEST_DATABASE_URL ?? '') !== '';
const clock = createTestClock();
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterAll(() => server.close());

interface Started {
  readonly phone: TestDevice;
  readonly id: string;
  readonly challenge: string;
}

async function startPairing(phone = createTestDevice('Phone')): Promise<Started> {
  const { status, body } = await callApi(server.url, 'POST', '/auth/pairings', { device: phone.input });
  expect(status).toBe(201);
  return { phone, id: body.id, challenge: body.challenge };
}

async function personWithKeys(): Promise<Person> {
  const person = await registerPerson(server.url);
  expect((await person.mintFirstEpoch()).status).toBe(200);
  return person;
}

async function headOf(person: Person): Promise<string> {
  const entries: LogEntry[] = (await person.call('GET', '/sync/keys')).body.log;
  const head = entries.at(-1);
  return head === undefined ? '' : logEntryHash(head);
}

/** The body with which `person` would admit the phone; `change` makes it wrong in one way. */
async function approval(person: Person, { id, phone }: Started, change: Partial<LogEntry> = {}) {
  const deviceId = (await person.call('GET', `/auth/pairings/${id}`)).body.device.id;
  const previousHash = await headOf(person);
  const endorsement = await person.signEntry({ action: 'add', deviceId, previousHash }, phone);
  return {
    pairingId: id,
    keyShares: [{ epoch: 1, wrapped: wrappedKey() }],
    endorsement: { ...endorsement, ...change },
  };
}

const claim = ({ phone, id, challenge }: Started, signer = phone): Promise<Answer> =>
  callApi(server.url, 'POST', `/auth/pairings/${id}/claim`, {
    signature: signer.sign(pairingClaimText(id, challenge)),
  });

async function pair(person: Person): Promise<Person> {
  const started = await startPairing();
  expect((await person.call('POST', '/auth/pair-device', await approval(person, started))).status).toBe(201);
  const claimed = await claim(started);
  expect(claimed.status).toBe(200);
  return asPerson(server.url, started.phone, claimed.body);
}

test('of two devices that revoke each other at once, one is gone before it acts', async () => {
  const ada = await personWithKeys();
  const phone = await pair(ada);
  await pair(ada);
  const answers = await Promise.all([
    ada.call('DELETE', `/auth/devices/${phone.device.id}`),
    phone.call('DELETE', `/auth/devices/${ada.device.id}`),
  ]);
  expect(answers.map(({ status }) => status).sort()).toEqual([204, 401]);
});

/** The embedded database runs one transaction after the other, so there nobody can be made to wait. */
test.skipIf(!isOnPostgres)(
  'also when both were let in before either acted, the second finds itself revoked',
  async () => {
    const ada = await personWithKeys();
    const phone = await pair(ada);
    await pair(ada);
    const [holder, observer] = [await connect(), await connect()];
    await holder.query('begin');
    await holder.query('select from account where id = $1 for update', [ada.account.id]);
    const answers = Promise.all([
      ada.call('DELETE', `/auth/devices/${phone.device.id}`),
      phone.call('DELETE', `/auth/devices/${ada.device.id}`),
    ]);
    await expect.poll(() => countWaiting(observer)).toBe(2);
    await holder.query('rollback');
    expect((await answers).map(({ status }) => status).sort()).toEqual([204, 401]);
  },
);

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: server.databaseUrl });
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

async function countWaiting(observer: pg.Client): Promise<number> {
  const { rows } = await observer.query<{
    count: number;
  }>(`select count(*)::int as count from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`);
  return rows[0]?.count ?? 0;
}

test('a paired device acts for the same account and holds its share of every epoch', async () => {
  const ada = await personWithKeys();
  const phone = await pair(ada);
  expect(phone.account.id).toBe(ada.account.id);
  expect(phone.device).toMatchObject({ name: 'Phone', endorsedBy: ada.device.id, current: true });
  const { body } = await phone.call('GET', '/sync/keys');
  expect(body).toMatchObject({ epoch: 1, shares: [{ epoch: 1 }] });
  expect(body.log.map(({ action }: LogEntry) => action)).toEqual(['genesis', 'add']);
  expect(body.devices.map(({ id }: { id: string }) => id)).toEqual([ada.device.id, phone.device.id]);
});

test('a pairing is claimed once, and not before it is approved', async () => {
  const ada = await personWithKeys();
  const started = await startPairing();
  const early = await claim(started);
  expect(early).toMatchObject({ status: 409, body: { code: 'pairing.waiting' } });
  expect(early.headers.get('retry-after')).toBe('2');
  await ada.call('POST', '/auth/pair-device', await approval(ada, started));
  expect((await claim(started)).status).toBe(200);
  expect(await claim(started)).toMatchObject({ status: 409, body: { code: 'pairing.already_claimed' } });
});

test('only the holder of the private key can claim', async () => {
  const ada = await personWithKeys();
  const started = await startPairing();
  await ada.call('POST', '/auth/pair-device', await approval(ada, started));
  expect(await claim(started, createTestDevice())).toMatchObject({
    status: 401,
    body: { code: 'auth.bad_signature' },
  });
  expect((await claim(started)).status).toBe(200);
});

test('an approval that is sent again is answered again, and makes one device', async () => {
  const ada = await personWithKeys();
  const body = await approval(ada, await startPairing());
  const [first, second] = [
    await ada.call('POST', '/auth/pair-device', body),
    await ada.call('POST', '/auth/pair-device', body),
  ];
  expect([first.status, second.status]).toEqual([201, 201]);
  expect(second.body.device.id).toBe(first.body.device.id);
  expect((await ada.call('GET', '/auth/devices')).body.data).toHaveLength(2);
});

test.each<[string, Partial<LogEntry>, number, string]>([
  ['a signature of nobody', { signature: 'A'.repeat(86) }, 400, 'keys.invalid_log_entry'],
  ['keys of another device', { signingKeyThumbprint: 'A'.repeat(43) }, 400, 'keys.invalid_log_entry'],
  ['an old head of the log', { previousHash: 'A'.repeat(43) }, 409, 'keys.log_moved'],
  ['another account', { accountId: '00000000-0000-7000-8000-000000000000' }, 400, 'keys.invalid_log_entry'],
  ['another author', { by: '00000000-0000-7000-8000-000000000000' }, 400, 'keys.invalid_log_entry'],
  ['another action', { action: 'revoke' }, 400, 'keys.invalid_log_entry'],
])('an endorsement with %s admits nobody', async (_name, change, status, code) => {
  const ada = await personWithKeys();
  const answer = await ada.call(
    'POST',
    '/auth/pair-device',
    await approval(ada, await startPairing(), change),
  );
  expect(answer).toMatchObject({ status, body: { code } });
  expect((await ada.call('GET', '/auth/devices')).body.data).toHaveLength(1);
  expect((await ada.call('GET', '/sync/keys')).body.log).toHaveLength(1);
});

test('an approval must hand over every epoch, no more and no less', async () => {
  const ada = await personWithKeys();
  const body = await approval(ada, await startPairing());
  for (const keyShares of [[], [...body.keyShares, { epoch: 2, wrapped: wrappedKey() }]]) {
    expect(await ada.call('POST', '/auth/pair-device', { ...body, keyShares })).toMatchObject({
      status: 400,
      body: { code: 'keys.incomplete_shares', epochs: [1] },
    });
  }
});

test('without a device log nobody can be admitted', async () => {
  const ada = await registerPerson(server.url);
  const answer = await ada.call('POST', '/auth/pair-device', await approval(ada, await startPairing()));
  expect(answer).toMatchObject({ status: 409, body: { code: 'keys.log_missing' } });
});

test("somebody else's pairing answers like one that does not exist", async () => {
  const [ada, eve] = [await personWithKeys(), await personWithKeys()];
  const started = await startPairing();
  const body = await approval(eve, started);
  await ada.call('POST', '/auth/pair-device', await approval(ada, started));
  const [foreign, absent] = [
    await eve.call('GET', `/auth/pairings/${started.id}`),
    await eve.call('GET', `/auth/pairings/${ada.account.id}`),
  ];
  expect(foreign).toMatchObject({ status: 404, body: { code: 'pairing.not_found' } });
  expect({ ...absent.body, requestId: '' }).toEqual({ ...foreign.body, requestId: '' });
  expect((await eve.call('POST', '/auth/pair-device', body)).status).toBe(404);
});

test('a pairing that nobody approved in ten minutes is over', async () => {
  const ada = await personWithKeys();
  const started = await startPairing();
  const body = await approval(ada, started);
  clock.forward(11 * 60_000);
  expect((await ada.call('GET', `/auth/pairings/${started.id}`)).body.status).toBe('expired');
  expect((await ada.call('POST', '/auth/pair-device', body)).body.code).toBe('pairing.expired');
  expect((await claim(started)).body.code).toBe('pairing.expired');
});

test('revoking a device kills its tokens at once and takes its key shares', async () => {
  const ada = await personWithKeys();
  const phone = await pair(ada);
  expect((await phone.call('GET', '/auth/me')).status).toBe(200);
  expect((await ada.call('DELETE', `/auth/devices/${phone.device.id}`)).status).toBe(204);
  expect((await phone.call('GET', '/auth/me')).body.code).toBe('auth.session_ended');
  const again = await callApi(server.url, 'POST', '/auth/refresh', {
    refreshToken: phone.tokens.refreshToken,
  });
  expect(again.status).toBe(401);
  expect((await ada.call('GET', '/auth/devices')).body.data.map(({ id }: { id: string }) => id)).toEqual([
    ada.device.id,
  ]);
});

test('after a revocation the next epoch goes to the devices that remain, and to nobody else', async () => {
  const ada = await personWithKeys();
  const phone = await pair(ada);
  await ada.call('DELETE', `/auth/devices/${phone.device.id}`);
  const revoke = { action: 'revoke', deviceId: phone.device.id, previousHash: await headOf(ada) } as const;
  const log = [await ada.signEntry(revoke, phone.keys)];
  const mine = { deviceId: ada.device.id, wrapped: wrappedKey() };
  const theirs = { deviceId: phone.device.id, wrapped: wrappedKey() };
  const mint = (shares: unknown) => ada.call('PUT', '/sync/keys', { epoch: 2, shares, log });
  expect(await mint([mine, theirs])).toMatchObject({ status: 400, body: { code: 'keys.incomplete_shares' } });
  const minted = await mint([mine]);
  expect(minted).toMatchObject({ status: 200, body: { epoch: 2 } });
  expect(minted.body.shares.map(({ epoch }: { epoch: number }) => epoch)).toEqual([1, 2]);
  expect((await mint([mine])).status, 'the same again, after a lost answer').toBe(200);
  expect(await mint([{ ...mine, wrapped: wrappedKey() }])).toMatchObject({
    status: 409,
    body: { code: 'keys.epoch_conflict', epoch: 2 },
  });
});

test('the first epoch comes with the genesis entry of the device that mints it', async () => {
  const ada = await registerPerson(server.url);
  const shares = [{ deviceId: ada.device.id, wrapped: wrappedKey() }];
  const answer = await ada.call('PUT', '/sync/keys', { epoch: 1, shares, log: [] });
  expect(answer).toMatchObject({ status: 409, body: { code: 'keys.log_missing' } });
});

test("renaming works on one's own devices; another's is not there", async () => {
  const [ada, eve] = [await personWithKeys(), await personWithKeys()];
  const rename = (person: Person, id: string) =>
    person.call('PATCH', `/auth/devices/${id}`, { name: 'Desk' });
  expect((await rename(ada, ada.device.id)).body).toMatchObject({ name: 'Desk' });
  const [foreign, absent] = [await rename(eve, ada.device.id), await rename(eve, ada.account.id)];
  expect(foreign).toMatchObject({ status: 404, body: { code: 'device.not_found' } });
  expect({ ...absent.body, requestId: '' }).toEqual({ ...foreign.body, requestId: '' });
  expect((await eve.call('DELETE', `/auth/devices/${ada.device.id}`)).status).toBe(404);
});

test('the last device of an account cannot be revoked', async () => {
  const ada = await personWithKeys();
  expect(await ada.call('DELETE', `/auth/devices/${ada.device.id}`)).toMatchObject({
    status: 409,
    body: { code: 'device.last' },
  });
});

test('a device that has not claimed its pairing does not make the only other one dispensable', async () => {
  const ada = await personWithKeys();
  const started = await startPairing();
  await ada.call('POST', '/auth/pair-device', await approval(ada, started));
  const revoke = () => ada.call('DELETE', `/auth/devices/${ada.device.id}`);
  expect(await revoke()).toMatchObject({ status: 409, body: { code: 'device.last' } });
  expect((await claim(started)).status).toBe(200);
  expect((await revoke()).status).toBe(204);
});

test('the list of devices comes in pages', async () => {
  const ada = await personWithKeys();
  await pair(ada);
  await pair(ada);
  const first = await ada.call('GET', '/auth/devices?limit=2');
  expect(first.body.data).toHaveLength(2);
  const second = await ada.call('GET', `/auth/devices?limit=2&cursor=${first.body.nextCursor}`);
  expect(second.body).toMatchObject({ data: [{}], nextCursor: null });
});

test.each(['Ada\u0000', 'Ada\nDevice: trusted', 'Ada\u202eenohP', 'Ada\u2067', 'Ada\u0085', '\ud800'])(
  'a device is not named %j, which would look like something else in a list',
  async (name) => {
    const { input } = createTestDevice();
    for (const path of ['/auth/register', '/auth/pairings']) {
      expect(await callApi(server.url, 'POST', path, { device: { ...input, name } })).toMatchObject({
        status: 400,
        body: { code: 'request.invalid' },
      });
    }
  },
);

test.each(["Ada's 📱", 'אדה', '👩‍💻', 'ﻡﺤﻣﺩ', '𠮷野家'])('a device may be named %s', async (name) => {
  const { input } = createTestDevice();
  const answer = await callApi(server.url, 'POST', '/auth/register', { device: { ...input, name } });
  expect(answer).toMatchObject({ status: 201, body: { device: { name } } });
});
