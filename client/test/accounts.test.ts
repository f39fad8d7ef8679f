/** Accounts by password and as a guest, with and without a vault, through the SDK against a real server. */
import { type Client, memoryStorage, type Storage } from '@alcove/client';
import {
  codeIn,
  createTestClock,
  startTestServer,
  type TestServer,
  waitForLetter,
} from '@alcove/server/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GithubDouble, githubClient, startGithub } from '../../server/src/testing/doubles/github.ts';
import { dyingFetch, faultyFetch } from './faults.ts';
import { createPeople, pair, visible } from './people.ts';

const clock = createTestClock();
const app = 'https://app.example.com/signed-in';
let server: TestServer;
let github: GithubDouble;

beforeAll(async () => {
  github = await startGithub();
  const env = {
    GITHUB_CLIENT_ID: githubClient.id,
    GITHUB_CLIENT_SECRET: githubClient.secret,
    GITHUB_BASE_URL: github.url,
    GITHUB_API_BASE_URL: github.url,
    ALCOVE_OAUTH_REDIRECTS: app,
  };
  server = await startTestServer({ clock, env });
});
afterAll(async () => {
  await server.close();
  await github[Symbol.asyncDispose]();
});

const { open } = createPeople(() => ({ url: server.url, now: () => clock.now() }));

let made = 0;
const newCredentials = () => ({
  email: `person-${made++}@example.org`,
  password: 'up betimes and so to bed',
});

/** What a store holds, by its keys. */
async function keysOf(storage: Storage): Promise<string[]> {
  const handle = await storage.open();
  const keys = (await handle.scan('')).map(([key]) => key);
  await handle.close();
  return keys;
}

describe('an account with a password', () => {
  it('needs no device: no key is made for an app without a vault', async () => {
    const storage = memoryStorage();
    const client = await open({ storage });
    const account = await client.account.signUp({ ...newCredentials(), displayName: 'Ada' });
    expect(account).toMatchObject({ kind: 'password', displayName: 'Ada' });
    expect(client.identity).toBeUndefined();
    expect(client.account.current).toMatchObject({ id: account.id, kind: 'password' });
    expect(await keysOf(storage)).toEqual(['account', 'schema', 'tabs', 'tokens']);
    expect((await client.account.get()).device).toBeUndefined();
    await expect(client.vault.sync()).rejects.toMatchObject({ code: 'identity.missing' });
  });

  it('is the same one after a restart, and signs in again after it signed out', async () => {
    const storage = memoryStorage();
    const credentials = newCredentials();
    const first = await open({ storage });
    const { id } = await first.account.signUp(credentials);
    await first.close();
    const second = await open({ storage });
    expect(second.account.current?.id).toBe(id);
    await second.account.signOut();
    expect(second.account.current).toBeUndefined();
    await expect(second.account.get()).rejects.toMatchObject({ code: 'auth.signed_out' });
    await second.account.signIn(credentials);
    expect((await second.account.get()).account.id).toBe(id);
  });

  it.each([
    [
      'a wrong password',
      'auth.invalid_credentials',
      () => ({ ...newCredentials(), password: 'something else' }),
    ],
    ['an address that nobody has', 'auth.invalid_credentials', newCredentials],
  ])('does not open with %s, and says no more than that', async (_what, code, credentials) => {
    const client = await open();
    await expect(client.account.signIn(credentials())).rejects.toMatchObject({ code, status: 401 });
    expect(client.account.current).toBeUndefined();
  });

  it('is made once though answers are lost', async () => {
    const credentials = newCredentials();
    const client = await open({ fetch: faultyFetch((at) => (at % 2 === 0 ? 'lost-answer' : undefined)) });
    const { id } = await client.account.signUp({ ...credentials, asDevice: true });
    expect(client.identity).toMatchObject({ accountId: id, keys: 'ready' });
    await expect((await open()).account.signUp(credentials)).rejects.toMatchObject({
      code: 'auth.email_taken',
    });
  });

  it('changes its password: other sessions end, and only the new one opens it', async () => {
    const credentials = newCredentials();
    const [laptop, phone] = [await open(), await open()];
    await laptop.account.signUp(credentials);
    await phone.account.signIn(credentials);
    const wrong = { currentPassword: 'not this one', newPassword: 'a new leaf turned over' };
    await expect(laptop.account.changePassword(wrong)).rejects.toMatchObject({ code: 'auth.wrong_password' });
    await laptop.account.changePassword({ ...wrong, currentPassword: credentials.password });
    expect((await laptop.account.get()).account.email).toBe(credentials.email);
    await expect(phone.account.get()).rejects.toMatchObject({ code: 'auth.signed_out' });
    await expect(phone.account.signIn(credentials)).rejects.toMatchObject({
      code: 'auth.invalid_credentials',
    });
    await phone.account.signIn({ ...credentials, password: wrong.newPassword });
  });

  it('proves its address, and gets a new password, by the codes of letters', async () => {
    const { email, password } = newCredentials();
    const client = await open();
    await client.account.signUp({ email, password });
    const proof = codeIn(await waitForLetter(server, email, /Confirm/));
    expect(await client.account.verifyEmail({ token: proof })).toMatchObject({ email, emailVerified: true });

    await client.account.forgotPassword({ email });
    const token = codeIn(await waitForLetter(server, email, /new password/));
    await client.account.resetPassword({ token, password: 'a new leaf turned over' });
    await expect(client.account.get()).rejects.toMatchObject({ code: 'auth.signed_out' });
    await client.account.signIn({ email, password: 'a new leaf turned over' });
  });

  it('asks for a letter in the same way for everybody, and takes no made-up code', async () => {
    const client = await open();
    const credentials = newCredentials();
    await client.account.signUp(credentials);
    await client.account.forgotPassword({ email: credentials.email });
    await client.account.forgotPassword({ email: 'nobody@example.org' });
    const reset = client.account.resetPassword({ token: 'made-up', password: 'a new leaf turned over' });
    await expect(reset).rejects.toMatchObject({ code: 'auth.mail_token_invalid' });
    const verified = client.account.verifyEmail({ token: 'made-up' });
    await expect(verified).rejects.toMatchObject({ code: 'auth.mail_token_invalid' });
  });

  it('outlives the answer of a refresh that was lost for longer than the grace of the server', async () => {
    const storage = memoryStorage();
    const mortal: Client = await open({ storage });
    await mortal.account.signUp(newCredentials());
    await mortal.close();
    clock.forward(3_600_000);
    const dying: Client = await open({ storage, fetch: dyingFetch(0, () => void dying.close()) });
    await expect(dying.account.get()).rejects.toMatchObject({ code: 'aborted' });
    clock.forward(600_000);
    const again = await open({ storage });
    expect((await again.account.get()).account.kind).toBe('password');
  });

  it('can take away everything that is its own, and leave for good', async () => {
    const credentials = newCredentials();
    const client = await open();
    await client.account.signUp(credentials);
    const archive = await client.account.export();
    expect(archive.type).toBe('application/zip');
    expect(await archive.slice(0, 2).text()).toBe('PK');
    const wrong = client.account.delete({ password: 'not this one' });
    await expect(wrong).rejects.toMatchObject({ code: 'auth.wrong_password' });
    await client.account.delete({ password: credentials.password });
    expect(client.account.current).toBeUndefined();
    const gone = client.account.signIn(credentials);
    await expect(gone).rejects.toMatchObject({ code: 'auth.invalid_credentials' });
  });
});

describe('a password account with a vault', () => {
  it('has its keys at once on the first device, also when that is not the one that signed up', async () => {
    const credentials = newCredentials();
    const website = await open();
    await website.account.signUp(credentials);
    const laptop = await open();
    await laptop.account.signIn({ ...credentials, asDevice: true });
    expect(laptop.identity?.keys).toBe('ready');
    await laptop.vault.put({ kind: 'entry', id: 'entry-number-one', value: 'sealed' });
    expect((await laptop.vault.sync()).pushed).toBe(1);
    expect(await laptop.devices()).toMatchObject([{ verified: true, current: true }]);
  });

  it('gives later devices no keys until one that has them admits them', async () => {
    const credentials = newCredentials();
    const [laptop, phone] = [await open(), await open()];
    await laptop.account.signUp({ ...credentials, asDevice: true });
    await laptop.vault.put({ kind: 'entry', id: 'entry-number-one', value: 'from the laptop' });
    await laptop.vault.sync();

    await phone.account.signIn({ ...credentials, asDevice: true });
    const waitingId = phone.identity?.deviceId;
    expect(phone.identity).toMatchObject({ accountId: laptop.identity?.accountId, keys: 'waiting' });
    await expect(phone.vault.sync()).rejects.toMatchObject({ code: 'keys.waiting' });
    const put = phone.vault.put({ kind: 'entry', value: 'too early' });
    await expect(put).rejects.toMatchObject({ code: 'keys.waiting' });
    expect((await laptop.devices()).map(({ verified }) => verified)).toEqual([true, false]);

    await pair(laptop, phone);
    expect(phone.identity?.keys).toBe('ready');
    await phone.vault.sync();
    expect(await visible(phone)).toEqual({ 'entry-number-one': ['from the laptop'] });
    await phone.vault.put({ kind: 'entry', id: 'entry-number-two', value: 'from the phone' });
    await phone.vault.sync();
    await laptop.vault.sync();
    expect(Object.keys(await visible(laptop))).toHaveLength(2);
    const devices = await laptop.devices();
    expect(devices.map(({ verified }) => verified)).toEqual([true, true]);
    expect(devices.map(({ id }) => id)).not.toContain(waitingId);
  });

  it('is begun by one device only, though two sign in at the same moment', async () => {
    const credentials = newCredentials();
    await (await open()).account.signUp(credentials);
    const clients = [await open(), await open(), await open()];
    await Promise.all(clients.map((client) => client.account.signIn({ ...credentials, asDevice: true })));
    const keys = clients.map(({ identity }) => identity?.keys).sort();
    expect(keys).toEqual(['ready', 'waiting', 'waiting']);
  });

  it.each([0, 1, 2, 3])('goes on after it died with the answer of request %i of its sign-up', async (at) => {
    const storage = memoryStorage();
    const credentials = newCredentials();
    const mortal: Client = await open({ storage, fetch: dyingFetch(at, () => void mortal.close()) });
    await mortal.account.signUp({ ...credentials, asDevice: true }).catch(() => undefined);
    await mortal.close();
    const again = await open({ storage });
    if (again.account.current === undefined) await again.account.signIn({ ...credentials, asDevice: true });
    await again.vault.sync();
    expect(again.identity?.keys).toBe('ready');
    await again.vault.put({ kind: 'entry', value: 'written after all' });
    expect((await again.vault.sync()).pushed).toBe(1);
  });

  it('goes on as the device that it was after signing out and in again, with what waited to be sent', async () => {
    const credentials = newCredentials();
    const laptop = await open();
    await laptop.account.signUp({ ...credentials, asDevice: true });
    const before = laptop.identity;
    await laptop.vault.put({ kind: 'entry', value: 'waits' });
    await laptop.account.signOut();
    await expect(laptop.account.resume()).rejects.toMatchObject({ code: 'auth.device_not_enough' });
    await laptop.account.signIn(credentials);
    expect(laptop.identity).toEqual(before);
    expect((await laptop.vault.sync()).pushed).toBe(1);
    expect(await laptop.devices()).toHaveLength(1);
  });

  it('is not taken over by somebody else who signs in to its store, or signs up', async () => {
    const [credentials, others] = [newCredentials(), newCredentials()];
    const [laptop, stranger] = [await open(), await open()];
    const { id } = await laptop.account.signUp({ ...credentials, asDevice: true });
    await stranger.account.signUp(others);
    await expect(laptop.account.signIn(others)).rejects.toMatchObject({ code: 'auth.proof_invalid' });
    for (const enter of [() => laptop.account.signUp(newCredentials()), () => laptop.account.startGuest()])
      await expect(enter()).rejects.toMatchObject({ code: 'identity.exists' });
    expect(laptop.account.current?.id).toBe(id);
    expect((await laptop.vault.sync()).pushed).toBe(0);
  });

  it('refuses a pairing that a device of another account approved', async () => {
    const credentials = newCredentials();
    const [laptop, phone, stranger] = [await open(), await open(), await open()];
    await laptop.account.signUp({ ...credentials, asDevice: true });
    await phone.account.signIn({ ...credentials, asDevice: true });
    await stranger.register();
    const waiting = phone.identity;
    await expect(pair(stranger, phone)).rejects.toMatchObject({ code: 'identity.exists' });
    expect(phone.identity).toEqual(waiting);
  });
});

describe('an account with GitHub', () => {
  const toServer = (address: string | null) => (address ?? '').replace('http://alcove.test', server.url);

  /** Goes where a browser would be sent, and comes back to the app with its query. */
  async function travel(start: string): Promise<URL> {
    let address = start;
    let cookie = '';
    while (!address.startsWith(app)) {
      const headers = address.startsWith(server.url) ? { cookie } : {};
      const response = await fetch(address, { redirect: 'manual', headers });
      cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? cookie;
      address = toServer(response.headers.get('location'));
      if (address === '') throw new Error(`the journey ends with ${response.status}`);
    }
    return new URL(address);
  }

  it('is entered with the code that its browser brings back, in the store that began it', async () => {
    const client = await open();
    const { url } = await client.account.startOAuth({ provider: 'github', redirect: app });
    const code = (await travel(url)).searchParams.get('code') ?? '';
    const thief = await open();
    await expect(thief.account.finishOAuth({ code })).rejects.toMatchObject({ code: 'invalid_argument' });
    const account = await client.account.finishOAuth({ code, asDevice: true });
    expect(account.kind).toBe('oauth');
    expect(client.identity).toMatchObject({ accountId: account.id, keys: 'ready' });
  });

  it('may have got it later, by the code that its browser brings back and its password, and lose it again', async () => {
    const credentials = newCredentials();
    const client = await open();
    const { id } = await client.account.signUp(credentials);
    github.person = { ...github.person, id: 4711 };
    const { url } = await client.services.startLink({ provider: 'github', redirect: app });
    const code = (await travel(url)).searchParams.get('code') ?? '';
    await expect(client.services.finishLink({ code })).rejects.toMatchObject({
      code: 'auth.password_required',
    });
    const { password } = credentials;
    expect(await client.services.finishLink({ code, password })).toMatchObject({ provider: 'github' });
    expect((await client.services.list()).map(({ provider }) => provider)).toEqual(['github']);
    const other = await open();
    const back = await travel((await other.account.startOAuth({ provider: 'github', redirect: app })).url);
    expect((await other.account.finishOAuth({ code: back.searchParams.get('code') ?? '' })).id).toBe(id);
    await client.services.unlink('github');
    expect(await client.services.list()).toEqual([]);
    await expect(client.services.unlink('github')).rejects.toMatchObject({ status: 404 });
  });
});

describe('a guest', () => {
  it('becomes an account with the same id and workspace, and goes on with new tokens', async () => {
    const client = await open();
    const guest = await client.account.startGuest();
    expect(guest.kind).toBe('guest');
    const before = client.account.current;
    const credentials = newCredentials();
    const account = await client.account.convertGuest(credentials);
    expect(account).toMatchObject({ id: guest.id, kind: 'password', email: credentials.email });
    expect(client.account.current).toEqual({ ...before, kind: 'password' });
    expect((await client.account.get()).account.id).toBe(guest.id);
  });

  it('hands what it had to the account that it signs in to, also when its token has run out meanwhile', async () => {
    const credentials = newCredentials();
    await (await open()).account.signUp(credentials);
    const client = await open();
    await client.account.startGuest();
    const guestWorkspace = client.account.current?.workspaceId;
    await client.account.signIn(credentials);
    clock.forward(2 * 3_600_000);
    expect(await client.account.mergeGuest({ name: 'From my visit' })).toMatchObject({ id: guestWorkspace });
    expect((await client.workspaces.list()).map(({ name }) => name)).toContain('From my visit');
    expect(await client.account.mergeGuest()).toBeUndefined();
  });

  it('has nothing to hand over where there was none', async () => {
    const client = await open();
    await client.account.signUp(newCredentials());
    expect(await client.account.mergeGuest()).toBeUndefined();
  });
});
