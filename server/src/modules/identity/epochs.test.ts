import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createTestClock,
  type Person,
  registerPerson,
  startTestServer,
  type TestServer,
  wrappedKey,
} from '../../testing/index.ts';

const clock = createTestClock();
const graceMs = 60_000;
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterAll(() => server.close());

let counter = 0;
/** Pushes a new entry that is sealed with that epoch; answers what became of it. */
async function write(person: Person, epoch: number): Promise<string> {
  counter += 1;
  const time = `${new Date(clock.now()).toISOString()}-0000`;
  const version = { clock: { [person.device.id]: counter }, time, epoch, payload: 'AAAA' };
  const change = { id: randomUUID(), kind: 'entry', op: 'put', ...version };
  const { body } = await person.call('POST', '/sync/push', { changes: [change] });
  const [{ status, code }] = body.results;
  return code ?? status;
}

const mint = (person: Person, epoch: number) =>
  person.call('PUT', '/sync/keys', {
    epoch,
    shares: [{ deviceId: person.device.id, wrapped: wrappedKey() }],
    log: [],
  });

test('an account that has minted no key yet writes with the first epoch', async () => {
  expect(await write(await registerPerson(server.url), 1)).toBe('applied');
});

test('an epoch may be written with for a minute after the next one was minted, and no longer', async () => {
  const ada = await registerPerson(server.url);
  await ada.mintFirstEpoch();
  expect(await write(ada, 1)).toBe('applied');
  expect((await mint(ada, 2)).status).toBe(200);
  expect(await write(ada, 1)).toBe('applied');
  expect(await write(ada, 2)).toBe('applied');
  clock.forward(graceMs + 1000);
  expect(await write(ada, 1)).toBe('sync.epoch_retired');
  expect(await write(ada, 2)).toBe('applied');
});

test('what is over stays over when yet another epoch is minted', async () => {
  const ada = await registerPerson(server.url);
  await ada.mintFirstEpoch();
  await mint(ada, 2);
  clock.forward(graceMs + 1000);
  await mint(ada, 3);
  expect([await write(ada, 1), await write(ada, 2), await write(ada, 3)]).toEqual([
    'sync.epoch_retired',
    'applied',
    'applied',
  ]);
});

test('two epochs within a minute do not leave the first of them longer', async () => {
  const ada = await registerPerson(server.url);
  await ada.mintFirstEpoch();
  await mint(ada, 2);
  clock.forward(graceMs / 2);
  await mint(ada, 3);
  clock.forward(graceMs + 1000);
  expect([await write(ada, 1), await write(ada, 2), await write(ada, 3)]).toEqual([
    'sync.epoch_retired',
    'sync.epoch_retired',
    'applied',
  ]);
});

test('a mint that was refused retires nothing', async () => {
  const ada = await registerPerson(server.url);
  await ada.mintFirstEpoch();
  expect((await mint(ada, 3)).status).toBe(409);
  clock.forward(graceMs + 1000);
  expect(await write(ada, 1)).toBe('applied');
});

test('without a grace the next epoch is the only one at once', async () => {
  await using strict = await startTestServer({ clock, env: { ALCOVE_EPOCH_GRACE_SECONDS: '0' } });
  const ada = await registerPerson(strict.url);
  await ada.mintFirstEpoch();
  expect(await write(ada, 1)).toBe('applied');
  await mint(ada, 2);
  clock.forward(1);
  expect(await write(ada, 1)).toBe('sync.epoch_retired');
});
