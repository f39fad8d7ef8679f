import type { LogEntry } from '@alcove/contract/identity';
import {
  deviceFingerprint,
  deviceSignInText,
  jwkThumbprint,
  logEntryHash,
  logEntryText,
  pairingClaimText,
  recoveryMemberId,
  recoveryText,
} from '@alcove/contract/keys';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Answer,
  asPerson,
  callApi,
  codeIn,
  createTestClock,
  createTestDevice,
  lettersTo,
  type Person,
  registerPerson,
  startTestServer,
  type TestDevice,
  type TestServer,
  waitForLetter,
  wrappedKey,
} from '../../../testing/index.ts';

const clock = createTestClock();
const password = 'eleven patient storks';
const blob = Buffer.from('sealed by the words').toString('base64url');
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterAll(() => server.close());

let people = 0;
const post = (path: string, body: unknown, headers?: Record<string, string>) =>
  callApi(server.url, 'POST', path, body, headers);
const keysOf = async (person: Person) => (await person.call('GET', '/sync/keys')).body;
const fingerprintOf = ({ input }: TestDevice) => deviceFingerprint(input);
const refusal = { status: 401, body: { code: 'auth.proof_invalid' } };
const codeOf = ({ status, body }: Answer) => [status, body?.code];

/** What 24 words stand for: two key pairs and the id that follows from them. */
interface Words extends TestDevice {
  readonly id: string;
}

async function createWords(): Promise<Words> {
  const keys = createTestDevice();
  return { ...keys, id: await recoveryMemberId(await fingerprintOf(keys)) };
}

async function personWithKeys(): Promise<Person> {
  const person = await registerPerson(server.url);
  expect((await person.mintFirstEpoch()).status).toBe(200);
  return person;
}

async function headOf(person: Person): Promise<string> {
  const entries: LogEntry[] = (await keysOf(person)).log;
  return logEntryHash(entries.at(-1) as LogEntry);
}

/** The body by which `person` sets the words as the recovery key, of an account with one epoch. */
async function firstWords(person: Person, words: Words, change: object = {}) {
  const { encryptionKey, signingKey } = words.input;
  const entry = { action: 'add', deviceId: words.id, previousHash: await headOf(person) } as const;
  const endorsement = await person.signEntry(entry, words);
  const keyShares = [{ epoch: 1, wrapped: wrappedKey() }];
  return { encryptionKey, signingKey, endorsement, keyShares, blob, ...change };
}

/** The body by which `person` puts other words in the place of `old`, in an account with one epoch and one device. */
async function otherWords(person: Person, old: Words, words: Words) {
  const gone = { action: 'revoke', deviceId: old.id, previousHash: await headOf(person) } as const;
  const revocation = await person.signEntry(gone, old);
  const entry = { action: 'add', deviceId: words.id, previousHash: await logEntryHash(revocation) } as const;
  const { encryptionKey, signingKey } = words.input;
  return {
    encryptionKey,
    signingKey,
    endorsement: await person.signEntry(entry, words),
    keyShares: [{ epoch: 1, wrapped: wrappedKey() }],
    replaces: { revocation, epoch: 2, shares: sharesFor(person.device.id, words.id) },
  };
}

const sharesFor = (...ids: string[]) => ids.map((deviceId) => ({ deviceId, wrapped: wrappedKey() }));
const setRecovery = (person: Person, body: unknown) => person.call('PUT', '/sync/recovery', body);

async function personWithWords(): Promise<{ ada: Person; words: Words }> {
  const [ada, words] = [await personWithKeys(), await createWords()];
  expect((await setRecovery(ada, await firstWords(ada, words))).status).toBe(200);
  return { ada, words };
}

/** The body by which the words let a new device in. */
async function recovery(words: Words, phone: TestDevice, signed = phone) {
  const { challenge } = (await post('/auth/challenges', { deviceId: words.id })).body;
  const signature = words.sign(recoveryText(words.id, challenge, await fingerprintOf(signed)));
  return { device: phone.input, memberId: words.id, challenge, signature };
}

async function recover(words: Words, phone = createTestDevice('Found')): Promise<Person> {
  const answer = await post('/auth/recover', await recovery(words, phone));
  expect(answer.status).toBe(200);
  return asPerson(server.url, phone, answer.body);
}

/** The entry by which the words admit the device that has come by them. */
async function admission(words: Words, phone: Person): Promise<LogEntry> {
  const unsigned = {
    action: 'add',
    accountId: phone.account.id,
    deviceId: phone.device.id,
    encryptionKeyThumbprint: await jwkThumbprint(phone.keys.input.encryptionKey),
    signingKeyThumbprint: await jwkThumbprint(phone.keys.input.signingKey),
    previousHash: await headOf(phone),
    by: words.id,
  } as const;
  return { ...unsigned, signature: words.sign(logEntryText(unsigned)) };
}

const mint = (person: Person, epoch: number, ids: readonly string[], log: readonly LogEntry[] = []) =>
  person.call('PUT', '/sync/keys', { epoch, shares: sharesFor(...ids), log });

test('the recovery key is a member of the log, gets every epoch, and is no device of the list', async () => {
  const { ada, words } = await personWithWords();
  expect((await ada.call('GET', '/sync/recovery')).body).toMatchObject({
    id: words.id,
    signingKey: words.input.signingKey,
    blob,
  });
  const { devices, log, recoveryShares } = await keysOf(ada);
  expect(recoveryShares).toBeUndefined();
  expect(log.map(({ action }: LogEntry) => action)).toEqual(['genesis', 'add']);
  expect(devices).toMatchObject([
    { id: ada.device.id, kind: 'device', revoked: false },
    { id: words.id, kind: 'recovery', revoked: false },
  ]);
  expect((await ada.call('GET', '/auth/devices')).body.data.map(({ id }: { id: string }) => id)).toEqual([
    ada.device.id,
  ]);
  expect(codeOf(await mint(ada, 2, [ada.device.id]))).toEqual([400, 'keys.incomplete_shares']);
  expect((await mint(ada, 2, [ada.device.id, words.id])).status).toBe(200);
});

test('without one, there is none to read', async () => {
  const ada = await personWithKeys();
  expect(codeOf(await ada.call('GET', '/sync/recovery'))).toEqual([404, 'recovery.not_found']);
});

test('setting it again after a lost answer is answered the same', async () => {
  const [ada, words] = [await personWithKeys(), await createWords()];
  const body = await firstWords(ada, words);
  const [first, second] = [await setRecovery(ada, body), await setRecovery(ada, body)];
  expect(second).toMatchObject({ status: 200, body: first.body });
  expect((await keysOf(ada)).log).toHaveLength(2);
});

test.each<[string, (ada: Person, words: Words) => Promise<object>, number, string]>([
  [
    'an entry for the log of somebody else',
    async (_ada, words) => firstWords(await personWithKeys(), words),
    409,
    'keys.log_moved',
  ],
  [
    'a signature of nobody',
    async (ada, words) => {
      const body = await firstWords(ada, words);
      return { ...body, endorsement: { ...body.endorsement, signature: 'A'.repeat(86) } };
    },
    400,
    'keys.invalid_log_entry',
  ],
  [
    'the entry of other keys',
    async (ada, words) => {
      const { endorsement } = await firstWords(ada, await createWords());
      return firstWords(ada, words, { endorsement });
    },
    400,
    'keys.invalid_log_entry',
  ],
  [
    'no share of an epoch',
    (ada, words) => firstWords(ada, words, { keyShares: [] }),
    400,
    'keys.incomplete_shares',
  ],
  [
    'a key that encrypts nothing',
    (ada, words) => firstWords(ada, words, { encryptionKey: { kty: 'OKP', crv: 'X448', x: 'AAAA' } }),
    400,
    'device.invalid_key',
  ],
  [
    'a private member',
    (ada, words) => firstWords(ada, words, { signingKey: { ...words.input.signingKey, d: 'A'.repeat(43) } }),
    400,
    'device.invalid_key',
  ],
  [
    'a blob beyond 4 KiB',
    (ada, words) => firstWords(ada, words, { blob: 'A'.repeat(5463) }),
    400,
    'request.invalid',
  ],
  [
    'something to replace where there is nothing',
    async (ada, words) => ({
      ...(await firstWords(ada, words)),
      replaces: (await otherWords(ada, words, words)).replaces,
    }),
    409,
    'recovery.absent',
  ],
])('with %s no recovery key is set', async (_name, bodyOf, status, code) => {
  const [ada, words] = [await personWithKeys(), await createWords()];
  expect(codeOf(await setRecovery(ada, await bodyOf(ada, words)))).toEqual([status, code]);
  expect((await ada.call('GET', '/sync/recovery')).status).toBe(404);
  expect((await keysOf(ada)).log).toHaveLength(1);
});

test('a device that nobody has admitted sets no recovery key', async () => {
  const email = `words-${++people}@example.com`;
  const laptop = createTestDevice();
  const signedUp = await post('/auth/signup', { email, password, device: laptop.input });
  const ada = asPerson(server.url, laptop, signedUp.body);
  await ada.mintFirstEpoch();
  const phone = createTestDevice();
  const signedIn = await post('/auth/login', { email, password, device: phone.input });
  const stranger = asPerson(server.url, phone, signedIn.body);
  const words = await createWords();
  expect(codeOf(await setRecovery(stranger, await firstWords(stranger, words)))).toEqual([
    400,
    'keys.invalid_log_entry',
  ]);
});

test('when every device is lost, the words bring a new one in, which reads all and locks the lost ones out', async () => {
  const { ada, words } = await personWithWords();
  const phone = await recover(words);
  expect(phone).toMatchObject({ account: ada.account, device: { name: 'Found', endorsedBy: null } });
  const shown = await keysOf(phone);
  expect(shown).toMatchObject({ epoch: 1, shares: [], recoveryShares: [{ epoch: 1 }] });

  expect((await phone.call('DELETE', `/auth/devices/${ada.device.id}`)).status).toBe(204);
  const add = await admission(words, phone);
  const gone = { action: 'revoke', deviceId: ada.device.id, previousHash: await logEntryHash(add) } as const;
  const log = [add, await phone.signEntry(gone, ada.keys)];
  const minted = await mint(phone, 2, [phone.device.id, words.id], log);
  expect(minted).toMatchObject({ status: 200, body: { epoch: 2, shares: [{ epoch: 2 }] } });
  expect(minted.body.recoveryShares).toHaveLength(2);
  const { data } = (await phone.call('GET', '/auth/devices')).body;
  expect(data).toMatchObject([{ id: phone.device.id, endorsedBy: words.id }]);
  expect((await ada.call('GET', '/sync/keys')).status).toBe(401);
  const trail = (await phone.call('GET', '/audit/logs')).body.data.map(
    ({ action }: { action: string }) => action,
  );
  expect(trail).toEqual(expect.arrayContaining(['recovery.set', 'recovery.used', 'epoch.minted']));
});

test('two devices that come by the words at once are both admitted, one after the other', async () => {
  const { ada, words } = await personWithWords();
  const [one, two] = await Promise.all([recover(words), recover(words)]);
  const enter = async (person: Person, others: readonly string[], epoch: number) =>
    mint(
      person,
      epoch,
      [ada.device.id, words.id, person.device.id, ...others],
      [await admission(words, person)],
    );
  const answers = await Promise.all([enter(one, [], 2), enter(two, [], 2)]);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  const [first, second] = answers[0]?.status === 200 ? [one, two] : [two, one];
  expect((await enter(second, [first.device.id], 3)).status).toBe(200);
});

test.each<[string, (words: Words) => Promise<object>]>([
  [
    'other words',
    async (words) => ({ ...(await recovery(await createWords(), createTestDevice())), memberId: words.id }),
  ],
  [
    'a signature for the keys of another device',
    (words) => recovery(words, createTestDevice(), createTestDevice()),
  ],
  [
    'a signature for signing in as a device',
    async (words) => {
      const body = await recovery(words, createTestDevice());
      return { ...body, signature: words.sign(deviceSignInText(words.id, body.challenge)) };
    },
  ],
  [
    'a used challenge',
    async (words) => {
      const body = await recovery(words, createTestDevice());
      expect((await post('/auth/recover', body)).status).toBe(200);
      return body;
    },
  ],
  [
    'an expired challenge',
    async (words) => {
      const body = await recovery(words, createTestDevice());
      clock.forward(61_000);
      return body;
    },
  ],
  ['words that nobody has set', async () => recovery(await createWords(), createTestDevice())],
])('%s bring nobody in', async (_name, bodyOf) => {
  const { words } = await personWithWords();
  expect(await post('/auth/recover', await bodyOf(words))).toMatchObject(refusal);
});

test('the recovery key is never signed in as a device, nor renamed, revoked or counted as one', async () => {
  const { ada, words } = await personWithWords();
  const { challenge } = (await post('/auth/challenges', { deviceId: words.id })).body;
  const signature = words.sign(deviceSignInText(words.id, challenge));
  expect(await post('/auth/device-login', { deviceId: words.id, challenge, signature })).toMatchObject(
    refusal,
  );
  const path = `/auth/devices/${words.id}`;
  expect(codeOf(await ada.call('PATCH', path, { name: 'Desk' }))).toEqual([404, 'device.not_found']);
  expect(codeOf(await ada.call('DELETE', path))).toEqual([404, 'device.not_found']);
  expect(codeOf(await ada.call('DELETE', `/auth/devices/${ada.device.id}`))).toEqual([409, 'device.last']);
});

test('other words take the place of the first in one moment, which then let nobody in', async () => {
  const { ada, words } = await personWithWords();
  const [thief, next] = [await recover(words), await createWords()];
  const body = await otherWords(ada, words, next);
  const replaced = await setRecovery(ada, body);
  expect(replaced).toMatchObject({ status: 200, body: { id: next.id, blob: null } });
  expect((await setRecovery(ada, body)).body, 'the same again, after a lost answer').toEqual(replaced.body);
  expect(await post('/auth/recover', await recovery(words, createTestDevice()))).toMatchObject(refusal);
  expect((await thief.call('GET', '/sync/keys')).status).toBe(401);
  const phone = await recover(next);
  expect(await keysOf(phone)).toMatchObject({ epoch: 2, recoveryShares: [{ epoch: 1 }, { epoch: 2 }] });
});

test('a device that came by the words and was admitted stays when they are replaced', async () => {
  const { ada, words } = await personWithWords();
  const phone = await recover(words);
  const entry = await admission(words, phone);
  expect((await mint(phone, 2, [ada.device.id, words.id, phone.device.id], [entry])).status).toBe(200);
  const next = await createWords();
  const body = await otherWords(phone, words, next);
  const shares = sharesFor(ada.device.id, phone.device.id, next.id);
  const keyShares = [1, 2].map((epoch) => ({ epoch, wrapped: wrappedKey() }));
  const replaces = { ...body.replaces, epoch: 3, shares };
  expect((await setRecovery(phone, { ...body, keyShares, replaces })).status).toBe(200);
  const { recoveryShares, shares: own } = await keysOf(phone);
  expect(recoveryShares).toEqual([]);
  expect(own.map(({ epoch }: { epoch: number }) => epoch)).toEqual([2, 3]);
});

test('whoever comes by the words while they are replaced is out afterwards, whichever was first', async () => {
  for (let round = 0; round < 5; round += 1) {
    const { ada, words } = await personWithWords();
    const phone = createTestDevice();
    const [body, coming] = [await otherWords(ada, words, await createWords()), await recovery(words, phone)];
    const [came, replaced] = await Promise.all([post('/auth/recover', coming), setRecovery(ada, body)]);
    expect(replaced.status).toBe(200);
    if (came.status === 401) continue;
    expect((await asPerson(server.url, phone, came.body).call('GET', '/sync/keys')).status).toBe(401);
  }
});

test('of two who replace the words at once, one does', async () => {
  const { ada, words } = await personWithWords();
  const bodies = [
    await otherWords(ada, words, await createWords()),
    await otherWords(ada, words, await createWords()),
  ];
  const answers = await Promise.all(bodies.map((body) => setRecovery(ada, body)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  expect((await keysOf(ada)).log).toHaveLength(4);
});

test.each<[string, (ada: Person, words: Words, next: Words) => Promise<object>, number, string]>([
  ['no word of what goes', (ada, _words, next) => firstWords(ada, next), 409, 'recovery.exists'],
  [
    'a share for the words that go',
    async (ada, words, next) => {
      const body = await otherWords(ada, words, next);
      const shares = sharesFor(ada.device.id, words.id, next.id);
      return { ...body, replaces: { ...body.replaces, shares } };
    },
    400,
    'keys.incomplete_shares',
  ],
  [
    'an epoch that is not the next one',
    async (ada, words, next) => {
      const body = await otherWords(ada, words, next);
      return { ...body, replaces: { ...body.replaces, epoch: 3 } };
    },
    409,
    'keys.epoch_conflict',
  ],
  [
    'the revocation of a device instead',
    async (ada, words, next) => {
      const body = await otherWords(ada, words, next);
      const gone = { action: 'revoke', deviceId: ada.device.id, previousHash: await headOf(ada) } as const;
      const revocation = await ada.signEntry(gone, ada.keys);
      return { ...body, replaces: { ...body.replaces, revocation } };
    },
    400,
    'keys.invalid_log_entry',
  ],
  ['the same words', (ada, words) => otherWords(ada, words, words), 409, 'recovery.key_used'],
])('with %s the words stay what they were', async (_name, bodyOf, status, code) => {
  const { ada, words } = await personWithWords();
  expect(codeOf(await setRecovery(ada, await bodyOf(ada, words, await createWords())))).toEqual([
    status,
    code,
  ]);
  expect((await ada.call('GET', '/sync/recovery')).body.id).toBe(words.id);
  expect((await keysOf(ada)).epoch).toBe(1);
  await recover(words);
});

test('words that are the recovery key of somebody else are refused without a word of whom', async () => {
  const [{ words }, eve] = [await personWithWords(), await personWithKeys()];
  expect(codeOf(await setRecovery(eve, await firstWords(eve, words)))).toEqual([409, 'recovery.key_used']);
});

test('an entry that revokes the recovery key takes it out of use, and it does not come back', async () => {
  const { ada, words } = await personWithWords();
  const gone = { action: 'revoke', deviceId: words.id, previousHash: await headOf(ada) } as const;
  expect((await mint(ada, 2, [ada.device.id], [await ada.signEntry(gone, words)])).status).toBe(200);
  expect((await ada.call('GET', '/sync/recovery')).status).toBe(404);
  expect(await post('/auth/recover', await recovery(words, createTestDevice()))).toMatchObject(refusal);
  const again = { action: 'add', deviceId: words.id, previousHash: await headOf(ada) } as const;
  expect(codeOf(await mint(ada, 3, [ada.device.id, words.id], [await ada.signEntry(again, words)]))).toEqual([
    400,
    'keys.invalid_log_entry',
  ]);
});

test('a stolen password alone reads no keys, also not those of the recovery key, and admits nobody', async () => {
  const { email, ada, words } = await signupWithWords();
  const keys = createTestDevice();
  const signedIn = await post('/auth/login', { email, password, device: keys.input });
  const thief = asPerson(server.url, keys, signedIn.body);
  const shown = await keysOf(thief);
  expect(shown.shares).toEqual([]);
  expect(shown).not.toHaveProperty('recoveryShares');
  // Not even with an entry that the recovery key really signed: this session is not one of it.
  const entry = await admission(words, thief);
  const ids = [ada.device.id, words.id, thief.device.id];
  expect(codeOf(await mint(thief, 2, ids, [entry]))).toEqual([400, 'keys.invalid_log_entry']);

  const phone = await recover(words);
  expect((await keysOf(phone)).recoveryShares).toHaveLength(1);
});

/** Somebody with a mail address, a password and words. */
async function signupWithWords() {
  const [email, laptop, words] = [`words-${++people}@example.com`, createTestDevice(), await createWords()];
  const { body } = await post('/auth/signup', { email, password, device: laptop.input });
  const ada = asPerson(server.url, laptop, body);
  await ada.mintFirstEpoch();
  expect((await setRecovery(ada, await firstWords(ada, words))).status).toBe(200);
  return { email, ada, words };
}

async function resetByLetter(email: string): Promise<void> {
  await post('/auth/password/forgot', { email });
  const token = codeIn(await waitForLetter(server, email, /Choose a new password/));
  expect((await post('/auth/password/reset', { token, password: `${password} anew` })).status).toBe(204);
}

test('whoever forgot the password still comes in by the words', async () => {
  const { email, words } = await signupWithWords();
  await post('/auth/email/verify', { token: codeIn(await waitForLetter(server, email, /Confirm/)) });
  await resetByLetter(email);
  await recover(words);
});

test('whoever signed up with the address of somebody else is not let in by words, once that one has claimed it', async () => {
  const { email, words } = await signupWithWords();
  await resetByLetter(email);
  expect(await post('/auth/recover', await recovery(words, createTestDevice()))).toMatchObject(refusal);
});

test('whoever owns the account is told by letter of words that were set, used and replaced, and of no attempt', async () => {
  const { email, ada, words } = await signupWithWords();
  await post('/auth/email/verify', { token: codeIn(await waitForLetter(server, email, /Confirm/)) });
  const next = await createWords();
  await setRecovery(ada, await firstWords(ada, next));
  await post('/auth/recover', await recovery(words, createTestDevice(), createTestDevice()));
  const body = await otherWords(ada, words, next);
  expect([await setRecovery(ada, body), await setRecovery(ada, body)]).toMatchObject([
    { status: 200 },
    { status: 200 },
  ]);
  await recover(next);
  const letters = await Promise.all(
    [/key was set/, /key was replaced/, /key was used/].map((title) => waitForLetter(server, email, title)),
  );
  expect(await lettersTo(server, email, /recovery key/)).toHaveLength(3);
  for (const letter of letters) {
    for (const secret of [password, words.id, next.id, 'Found']) expect(letter).not.toContain(secret);
  }
});

test('a mailbox that nobody has proven to be the account’s gets no letters without end', async () => {
  const { email, words } = await signupWithWords();
  for (let times = 0; times < 25; times += 1) await recover(words);
  // With the one that asks to confirm the address and the one about the words.
  await waitForLetter(server, email, /key was used/, 18);
  expect(await lettersTo(server, email, /./)).toHaveLength(20);
});

test('an answer to a recovery that was lost is given again, and makes one device', async () => {
  const { ada, words } = await personWithWords();
  const body = await recovery(words, createTestDevice());
  const key = { 'idempotency-key': crypto.randomUUID() };
  const [first, second] = [await post('/auth/recover', body, key), await post('/auth/recover', body, key)];
  expect(second).toMatchObject({ status: 200, body: first.body });
  expect((await ada.call('GET', '/auth/devices')).body.data).toHaveLength(2);
});

test('a device that is revoked though the log still admits it is shown as such to the others', async () => {
  const ada = await personWithKeys();
  const phone = createTestDevice();
  const pairing = (await post('/auth/pairings', { device: phone.input })).body;
  const { device } = (await ada.call('GET', `/auth/pairings/${pairing.id}`)).body;
  const entry = { action: 'add', deviceId: device.id, previousHash: await headOf(ada) } as const;
  const endorsement = await ada.signEntry(entry, phone);
  const keyShares = [{ epoch: 1, wrapped: wrappedKey() }];
  await ada.call('POST', '/auth/pair-device', { pairingId: pairing.id, keyShares, endorsement });
  const signature = phone.sign(pairingClaimText(pairing.id, pairing.challenge));
  await post(`/auth/pairings/${pairing.id}/claim`, { signature });
  await ada.call('DELETE', `/auth/devices/${device.id}`);
  expect((await keysOf(ada)).devices).toContainEqual(
    expect.objectContaining({ id: device.id, revoked: true }),
  );
});
