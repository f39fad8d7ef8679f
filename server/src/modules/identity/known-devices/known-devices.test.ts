import { deviceSignInText } from '@alcove/contract/keys';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Answer,
  asPerson,
  behindTheScenes,
  callApi,
  createTestClock,
  createTestDevice,
  type Person,
  registerPerson,
  startTestServer,
  type TestDevice,
  type TestServer,
} from '../../../testing/index.ts';

const clock = createTestClock();
const password = 'nineteen quiet herons';
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterAll(() => server.close());

let people = 0;
const post = (path: string, body: unknown, headers?: Record<string, string>) =>
  callApi(server.url, 'POST', path, body, headers);

interface Proof {
  readonly deviceId: string;
  readonly challenge: string;
  readonly signature: string;
}

async function getChallenge(deviceId: string): Promise<string> {
  const { status, body } = await post('/auth/challenges', { deviceId });
  expect(status).toBe(201);
  return body.challenge;
}

async function prove({ keys, device }: Pick<Person, 'keys' | 'device'>): Promise<Proof> {
  const challenge = await getChallenge(device.id);
  return { deviceId: device.id, challenge, signature: keys.sign(deviceSignInText(device.id, challenge)) };
}

const deviceLogin = (proof: Proof, headers?: Record<string, string>) =>
  post('/auth/device-login', proof, headers);

/** Somebody with a mail address and a password, at a first device. */
async function signup(keys: TestDevice = createTestDevice()) {
  const email = `known-${++people}@example.com`;
  const { status, body } = await post('/auth/signup', { email, password, device: keys.input });
  expect(status).toBe(201);
  return { email, person: asPerson(server.url, keys, body) };
}

/** What a stranger sees of a refusal. */
const faceOf = ({ status, body }: Answer) => ({ status, body: { ...body, requestId: '' } });
const refusal = { status: 401, body: { code: 'auth.proof_invalid' } };

test('a device of an anonymous account comes back by its signature alone, as the device that it was', async () => {
  const ada = await registerPerson(server.url);
  await ada.mintFirstEpoch();
  await ada.call('POST', '/auth/logout', { everywhere: true });
  const back = await deviceLogin(await prove(ada));
  expect(back).toMatchObject({ status: 200, body: { account: ada.account, workspace: ada.workspace } });
  expect(back.body.device).toMatchObject({ id: ada.device.id, endorsedBy: null, current: true });
  const again = asPerson(server.url, ada.keys, back.body);
  expect((await again.call('GET', '/sync/keys')).body).toMatchObject({ epoch: 1, shares: [{ epoch: 1 }] });
  expect((await again.call('GET', '/auth/devices')).body.data).toHaveLength(1);
  const { body: log } = await again.call('GET', '/audit/logs?action=session.opened');
  expect(log.data[0]).toMatchObject({ detail: { by: 'device', device: ada.device.id } });
});

test('coming back leaves the other sessions of the device as they are', async () => {
  const ada = await registerPerson(server.url);
  await deviceLogin(await prove(ada));
  expect((await ada.call('GET', '/auth/sessions')).body.data).toHaveLength(2);
});

test('a challenge answers the same for a device that there is and for one that there is not', async () => {
  const ada = await registerPerson(server.url);
  const [known, unknown] = [
    await post('/auth/challenges', { deviceId: ada.device.id }),
    await post('/auth/challenges', { deviceId: ada.account.id }),
  ];
  const shapeOf = ({ status, body }: Answer) => ({
    status,
    members: Object.keys(body),
    length: body.challenge.length,
  });
  expect(shapeOf(unknown)).toEqual(shapeOf(known));
  expect(known.body.challenge).not.toBe(unknown.body.challenge);
});

test('challenges that nobody signs leave nothing behind, and those that were signed go in time', async () => {
  await using own = await startTestServer({ clock });
  const ada = await registerPerson(own.url);
  const ask = async () =>
    (await callApi(own.url, 'POST', '/auth/challenges', { deviceId: ada.device.id })).body.challenge;
  const challenges = [await ask(), await ask(), await ask()];
  const signature = ada.keys.sign(deviceSignInText(ada.device.id, challenges[0]));
  const proof = { deviceId: ada.device.id, challenge: challenges[0], signature };
  expect((await callApi(own.url, 'POST', '/auth/device-login', proof)).status).toBe(200);
  const count = () =>
    behindTheScenes(own, async (tx) => {
      const { rows } = await sql<{ n: number }>`select count(*)::int as n from signed_challenge`.execute(tx);
      return rows[0]?.n;
    });
  expect(await count()).toBe(1);
  clock.forward(25 * 3_600_000);
  await own.runJob('identity.sweep');
  expect(await count()).toBe(0);
});

test.each<[string, (ada: Person, eve: Person) => Promise<Proof>]>([
  ['a signature of other keys', (ada) => prove({ ...ada, keys: createTestDevice() })],
  ['a signature that is none', async (ada) => ({ ...(await prove(ada)), signature: 'AAAA' })],
  [
    'a signature over the bare challenge',
    async (ada) => {
      const proof = await prove(ada);
      return { ...proof, signature: ada.keys.sign(proof.challenge) };
    },
  ],
  [
    'a challenge that was never given out',
    async (ada) => {
      const challenge = 'A'.repeat(75);
      const signature = ada.keys.sign(deviceSignInText(ada.device.id, challenge));
      return { deviceId: ada.device.id, challenge, signature };
    },
  ],
  [
    'a challenge of another device',
    async (ada, eve) => {
      const challenge = await getChallenge(eve.device.id);
      const signature = ada.keys.sign(deviceSignInText(ada.device.id, challenge));
      return { deviceId: ada.device.id, challenge, signature };
    },
  ],
  [
    'another spelling of a challenge',
    async (ada) => {
      const challenge = await getChallenge(ada.device.id);
      // The last character of 75 carries two bits that belong to no byte.
      const last = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
      const other = `${challenge.slice(0, -1)}${last[last.indexOf(challenge.slice(-1)) + 1]}`;
      return {
        deviceId: ada.device.id,
        challenge: other,
        signature: ada.keys.sign(deviceSignInText(ada.device.id, other)),
      };
    },
  ],
  [
    'an expired challenge',
    async (ada) => {
      const proof = await prove(ada);
      clock.forward(61_000);
      return proof;
    },
  ],
  [
    'a used challenge',
    async (ada) => {
      const proof = await prove(ada);
      expect((await deviceLogin(proof)).status).toBe(200);
      return proof;
    },
  ],
  [
    'a device that nobody has',
    async (ada) => {
      const device = { ...ada.device, id: ada.account.id };
      return prove({ ...ada, device });
    },
  ],
])('%s is refused like everything else that is wrong', async (_name, makeProof) => {
  const [ada, eve] = [await registerPerson(server.url), await registerPerson(server.url)];
  const nobody = await deviceLogin(await prove({ ...ada, device: { ...ada.device, id: eve.account.id } }));
  const answer = await deviceLogin(await makeProof(ada, eve));
  expect(answer).toMatchObject(refusal);
  expect(faceOf(answer)).toEqual(faceOf(nobody));
});

test('a revoked device does not come back', async () => {
  const { email, person } = await signup();
  const proof = await prove(person);
  expect((await person.call('DELETE', `/auth/devices/${person.device.id}`)).status).toBe(204);
  expect(await deviceLogin(proof)).toMatchObject(refusal);
  expect(await post('/auth/login', { email, password, known: await prove(person) })).toMatchObject(refusal);
});

test('of two that use one challenge at once, one signs in', async () => {
  const ada = await registerPerson(server.url);
  const proof = await prove(ada);
  const answers = await Promise.all([deviceLogin(proof), deviceLogin(proof), deviceLogin(proof)]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401]);
  expect((await ada.call('GET', '/auth/sessions')).body.data).toHaveLength(2);
});

test('an answer that was lost is given again to the same request with the same key', async () => {
  const ada = await registerPerson(server.url);
  const proof = await prove(ada);
  const key = { 'idempotency-key': crypto.randomUUID() };
  const [first, second] = [await deviceLogin(proof, key), await deviceLogin(proof, key)];
  expect(second).toMatchObject({ status: 200, body: first.body });
  expect(second.headers.get('idempotency-replayed')).toBe('true');
});

test('a device of an account with a password signs in with that password, and stays the device that it was', async () => {
  const { email, person } = await signup();
  await person.mintFirstEpoch();
  await person.call('POST', '/auth/logout', {});
  const proof = await prove(person);
  expect(await deviceLogin(proof)).toMatchObject({ status: 403, body: { code: 'auth.device_not_enough' } });
  // The refusal has not used the challenge up.
  const back = await post('/auth/login', { email, password, known: proof });
  expect(back).toMatchObject({ status: 200, body: { device: { id: person.device.id, current: true } } });
  const again = asPerson(server.url, person.keys, back.body);
  expect((await again.call('GET', '/sync/keys')).body.shares).toMatchObject([{ epoch: 1 }]);
  expect((await again.call('GET', '/auth/devices')).body.data).toHaveLength(1);
});

test('the proof of a device is worth nothing with another password, and the password nothing with another proof', async () => {
  const { email, person } = await signup();
  const eve = await signup();
  expect(
    await post('/auth/login', { email, password: `${password}!`, known: await prove(person) }),
  ).toMatchObject({ status: 401, body: { code: 'auth.invalid_credentials' } });
  expect(await post('/auth/login', { email, password, known: await prove(eve.person) })).toMatchObject(
    refusal,
  );
  expect((await person.call('GET', '/auth/sessions')).body.data).toHaveLength(1);
});

test('a sign-in names a new device or a known one, not both', async () => {
  const { email, person } = await signup();
  const known = await prove(person);
  const device = createTestDevice().input;
  expect(await post('/auth/login', { email, password, device, known })).toMatchObject({
    status: 400,
    body: { code: 'auth.device_twice' },
  });
});

test.each([{}, { deviceId: 'x' }, { deviceId: '../..' }, { deviceId: null }, []])(
  'asking for a challenge with %j is a clear mistake',
  async (body) => {
    expect(await post('/auth/challenges', body)).toMatchObject({
      status: 400,
      body: { code: 'request.invalid' },
    });
  },
);
