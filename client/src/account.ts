/** `client.account`: an account with a password, with another service, or as a guest. */
import { accountDeletionText } from '@alcove/contract/keys';
import type { Api } from './api.ts';
import { sign } from './crypto/keys.ts';
import type {
  Account,
  ConvertRequest,
  Me,
  UpdateMeRequest,
  UpdateMeResponse,
  WorkspaceRef,
} from './openapi.ts';
import {
  findAccount,
  put,
  recordKeys,
  remove,
  requireDevice,
  requireIdentity,
  type TokensRecord,
} from './records.ts';
import { type JourneyInput, requireVerifier, startJourney } from './services.ts';
import { refreshTokens, type Session } from './session.ts';
import { renewSession, requireNoDevice, resume, type SignInParts, signInWith } from './sign-in.ts';
import { forgetTokens, isFresh } from './tokens.ts';
import { isConverted, isSessionOpened } from './wire.ts';

/** Whose session a store holds. */
export interface CurrentAccount {
  readonly id: string;
  /** The personal workspace. */
  readonly workspaceId: string;
  readonly kind: Account['kind'];
}

/** What every way of signing in may be asked for. */
export interface SignInOptions {
  /**
   * Also makes this store a device of the account, with keys of its own, for the vault. Leave it out where there is no
   * vault. The account's first device has the vault's keys at once; a later one waits (`identity.keys`) until another
   * device has approved the code of its `startPairing()`.
   */
  readonly asDevice?: boolean;
}

export interface SignUpInput extends SignInOptions {
  readonly email: string;
  /** At least 8 characters. */
  readonly password: string;
  readonly displayName?: string;
}

export interface SignInInput extends SignInOptions {
  readonly email: string;
  readonly password: string;
}

/** Calls about the account itself. Get it as `client.account`. */
export interface AccountCalls {
  /** Whose session this store holds; `undefined` before the first one and after `signOut()`. */
  readonly current: CurrentAccount | undefined;

  /**
   * Makes an account with a mail address and a password, and signs in. A letter with a code goes to the address.
   *
   * Throws `auth.email_taken`, `auth.weak_password`, `request.invalid`, `identity.exists` (the store is a device of an
   * account already), `network`.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * const email = `samuel-${crypto.randomUUID()}@example.org`;
   * await client.account.signUp({ email, password: 'up betimes and so to bed', displayName: 'Samuel' });
   * assert.equal(client.account.current?.kind, 'password');
   *
   * const renamed = await client.account.update({ displayName: 'Mr. Pepys' });
   * assert.equal(renamed.account.displayName, 'Mr. Pepys');
   * assert.equal((await client.account.get()).workspaces.length, 1);
   * ```
   */
  signUp(input: SignUpInput): Promise<Account>;

  /**
   * Signs in with a mail address and a password. A guest's session is replaced; what the guest had can then be taken
   * over with `mergeGuest()`. A store that is a device of the account already goes on as that device, with its vault.
   *
   * Throws `auth.invalid_credentials` (also for an address that nobody has), `auth.too_many_attempts` with
   * `retryAfterMs`, `auth.proof_invalid` (the store is a device that was revoked, or of another account), `network`.
   *
   * @example With a vault: the second device waits until the first one has admitted it.
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * const url = 'http://127.0.0.1:8080';
   * const credentials = { email: `e-${crypto.randomUUID()}@example.org`, password: 'mighty merry at table' };
   * await using laptop = await createClient({ url, storage: memoryStorage() });
   * await laptop.account.signUp({ ...credentials, asDevice: true });
   * await laptop.vault.put({ kind: 'entry', value: 'written on the laptop' });
   * await laptop.vault.sync();
   *
   * await using phone = await createClient({ url, storage: memoryStorage() });
   * await phone.account.signIn({ ...credentials, asDevice: true });
   * assert.equal(phone.identity?.keys, 'waiting');
   * const pairing = await phone.startPairing(); // show pairing.code to the laptop
   * await laptop.approvePairing(pairing.code);
   * await pairing.claim();
   * await phone.vault.sync();
   * assert.equal((await phone.vault.list()).length, 1);
   * ```
   */
  signIn(input: SignInInput): Promise<Account>;

  /**
   * After a sign-out on this device of an anonymous account: signs in again by its own key. Nobody needs to call it after
   * a session was lost in another way; that is made good by itself.
   *
   * Throws `auth.proof_invalid` (the device was revoked), `auth.device_not_enough` (the account has a password or a
   * provider: use `signIn` or `startOAuth`), `identity.missing`, `network`.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * const { deviceId } = await client.register();
   * await client.vault.put({ kind: 'entry', value: 'written before' });
   * await client.account.signOut();
   *
   * await client.account.resume();
   * assert.equal((await client.vault.sync()).pushed, 1);
   * assert.equal(client.identity?.deviceId, deviceId);
   * ```
   */
  resume(): Promise<void>;

  /**
   * Begins signing in with Google or GitHub: send the browser to the address that comes back. The provider leads it on
   * to `redirect`, which has to be one that the server knows, with `?code=` for `finishOAuth`.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * const { url } = await client.account.startOAuth({ provider: 'github', redirect: 'https://app.example/back' });
   * assert(url.startsWith('http://127.0.0.1:8080/api/v1/auth/oauth/github?'));
   * // location.assign(url); and on the page that it comes back to:
   * // await client.account.finishOAuth({ code: new URL(location.href).searchParams.get('code') ?? '' });
   * ```
   */
  startOAuth(input: JourneyInput): Promise<{ url: string }>;

  /** Signs in with the code that the browser came back with, in the store that began it. Throws what `signIn` throws. */
  finishOAuth(input: SignInOptions & { code: string }): Promise<Account>;

  /**
   * Ends this store's session at the server, or with `everywhere` all of the account. The store keeps the vault and its
   * queue, and signing in again goes on with it: `signIn` where there is a password, `resume` where there is none.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * const credentials = { email: `s-${crypto.randomUUID()}@example.org`, password: 'home and to supper' };
   * await client.account.signUp(credentials);
   * await client.account.signOut();
   * assert.equal(client.account.current, undefined);
   * await client.account.signIn(credentials);
   * ```
   */
  signOut(options?: { everywhere?: boolean }): Promise<void>;

  /** The account, this session, the device and the workspaces, as the server knows them. */
  get(): Promise<Me>;

  /**
   * Changes the name or the mail address. A new address needs the password, and takes effect once the code of the letter
   * to it has been brought to `verifyEmail`. Throws `auth.wrong_password`, `auth.password_required`.
   */
  update(change: UpdateMeRequest): Promise<UpdateMeResponse>;

  /** Ends every other session. Throws `auth.wrong_password`, `auth.weak_password`. */
  changePassword(input: { currentPassword: string; newPassword: string }): Promise<void>;

  /** Asks for a letter with a code for `resetPassword`. Does the same for every address, whether somebody has it or not. */
  forgotPassword(input: { email: string }): Promise<void>;

  /** Sets a new password by the code of a letter, and ends every session. Throws `auth.mail_token_invalid`. */
  resetPassword(input: { token: string; password: string }): Promise<void>;

  /** Proves a mail address by the code of a letter. Throws `auth.mail_token_invalid`. */
  verifyEmail(input: { token: string }): Promise<Account>;

  /**
   * Comes in as a guest: an account with a workspace of its own and little room, which ends at `expiresAt`.
   *
   * @example A guest who stays.
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * const guest = await client.account.startGuest();
   * const email = `g-${crypto.randomUUID()}@example.org`;
   * const account = await client.account.convertGuest({ email, password: 'resolved to stay a while' });
   * assert.equal(account.id, guest.id);
   * assert.equal(client.account.current?.kind, 'password');
   * ```
   */
  startGuest(input?: { assistantId?: string }): Promise<Account>;

  /** Makes the guest an account with a password: the same id, everything kept. Throws `auth.email_taken`. */
  convertGuest(input: ConvertRequest): Promise<Account>;

  /**
   * After a guest has signed in to an account: moves what the guest had into that account, as a workspace that may be
   * given another `name`. `undefined` when no guest was here before.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * const url = 'http://127.0.0.1:8080';
   * const credentials = { email: `m-${crypto.randomUUID()}@example.org`, password: 'an old acquaintance' };
   * await using before = await createClient({ url, storage: memoryStorage() });
   * await before.account.signUp(credentials);
   *
   * await using client = await createClient({ url, storage: memoryStorage() });
   * await client.account.startGuest();
   * const guestWorkspace = client.account.current?.workspaceId;
   * await client.account.signIn(credentials);
   * const workspace = await client.account.mergeGuest({ name: 'From my visit' });
   * assert.equal(workspace?.id, guestWorkspace);
   * ```
   */
  mergeGuest(input?: { name?: string }): Promise<WorkspaceRef | undefined>;

  /**
   * Everything that is the account's own, as one zip archive. What the vault holds is in it as the server has it: sealed.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.register();
   * const archive = await client.account.export();
   * assert.equal(archive.type, 'application/zip'); // new URL for a download: URL.createObjectURL(archive)
   * ```
   */
  export(): Promise<Blob>;

  /**
   * Deletes the account at the server: everything that is its alone is removed, at once or shortly after. A password
   * account gives its `password`; without one this store's device signs that it is meant. What the store holds stays.
   *
   * Throws `auth.wrong_password`, `identity.missing` (neither a password nor a device), and while a workspace would be
   * left without an owner what the server says of it.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.register();
   * await client.account.delete(); // signed by this device
   * assert.equal(client.account.current, undefined);
   * await assert.rejects(client.account.get(), { code: 'auth.signed_out' });
   * ```
   */
  delete(proof?: { password: string }): Promise<void>;
}

export interface AccountParts extends SignInParts {
  readonly url: string;
  readonly session: Session;
  /** Calls as the account. */
  readonly api: Api;
  /** Calls as nobody. */
  readonly publicApi: Api;
  readonly findCurrent: () => CurrentAccount | undefined;
  readonly signOut: (everywhere: boolean) => Promise<void>;
  /** Told after everything that may have changed whose store this is. */
  readonly onChange: () => Promise<void>;
}

export function createAccount(parts: AccountParts): AccountCalls {
  const { http, api, publicApi, onChange } = parts;

  /** Signs in by a call that answers a session, and lets `current` know also when the rest of the way failed. */
  async function enter(path: string, body: object, asDevice = false): Promise<Account> {
    try {
      return await signInWith(parts, asDevice, (as) =>
        http.request({ method: 'POST', path, body: { ...body, ...as }, answer: isSessionOpened }),
      );
    } finally {
      await onChange();
    }
  }

  async function enterAnew(path: string, body: object, asDevice?: boolean): Promise<Account> {
    await requireNoDevice(parts.records);
    return enter(path, body, asDevice);
  }

  return {
    get current() {
      return parts.findCurrent();
    },
    signUp: ({ asDevice, ...body }) => enterAnew('/api/v1/auth/signup', body, asDevice),
    signIn: ({ asDevice, ...body }) => enter('/api/v1/auth/login', body, asDevice),
    resume: () => resume(parts).finally(onChange),
    startOAuth: (input) => startJourney(parts, input),
    async finishOAuth({ asDevice, code }) {
      const codeVerifier = await requireVerifier(parts.records);
      const account = await enter('/api/v1/auth/oauth/exchange', { code, codeVerifier }, asDevice);
      await parts.records.write([remove(recordKeys.oauth)]);
      return account;
    },
    signOut: ({ everywhere = false } = {}) => parts.signOut(everywhere),
    get: () => api('GET', '/api/v1/auth/me'),
    update: (body) => api('PATCH', '/api/v1/auth/me', { body }),
    async changePassword(body) {
      await api('POST', '/api/v1/auth/password/change', { body });
    },
    async forgotPassword(body) {
      await publicApi('POST', '/api/v1/auth/password/forgot', { body });
    },
    async resetPassword(body) {
      await publicApi('POST', '/api/v1/auth/password/reset', { body });
    },
    async verifyEmail(body) {
      return (await publicApi('POST', '/api/v1/auth/email/verify', { body })).account;
    },
    startGuest: (body = {}) => enterAnew('/api/v1/auth/guest', body),
    async convertGuest(body) {
      const path = '/api/v1/auth/convert-session';
      const answer = await parts.session.request({ method: 'POST', path, body, answer: isConverted });
      await renewSession(parts, answer);
      await onChange();
      return answer.account;
    },
    mergeGuest: (input = {}) => mergeGuest(parts, input),
    export: () => api('GET', '/api/v1/auth/me/export'),
    async delete(proof) {
      const { records } = parts;
      const account = await findAccount(records);
      await api('DELETE', '/api/v1/auth/me', { body: proof ?? (await signDeletion(parts)) });
      if (account !== undefined)
        await records.withLock('session', () => forgetTokens(records, account.accountId));
      await onChange();
    },
  };
}

async function signDeletion({ records, api }: AccountParts) {
  await requireIdentity(records);
  const { keys } = await requireDevice(records);
  const { challenge } = await api('POST', '/api/v1/auth/me/challenge');
  return { challenge, signature: await sign(keys.signing, accountDeletionText(challenge)) };
}

async function mergeGuest(
  parts: AccountParts,
  { name }: { name?: string },
): Promise<WorkspaceRef | undefined> {
  const { records, api } = parts;
  return records.withLock('guest', async () => {
    const guest = await findGuest(parts);
    if (guest === undefined) return undefined;
    const body = { guestToken: guest.accessToken, ...(name === undefined ? {} : { name }) };
    const { workspace } = await api('POST', '/api/v1/auth/guest/merge', { body });
    await records.writeIf(recordKeys.guest, guest, [remove(recordKeys.guest)]);
    return workspace;
  });
}

/** As renewed, where its token has run out. What another tab has renewed meanwhile, or merged, is newer. */
async function findGuest({ records, http, now }: AccountParts): Promise<TokensRecord | undefined> {
  const kept = await records.read(recordKeys.guest);
  if (kept === undefined || isFresh(kept, now())) return kept;
  const renewed = await refreshTokens(http, kept, now());
  const isKept = await records.writeIf(recordKeys.guest, kept, [put(recordKeys.guest, renewed)]);
  return isKept ? renewed : records.read(recordKeys.guest);
}
