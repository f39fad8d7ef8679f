/** The door of the SDK: one client is one store of one account, often with a device of it, or one API key. */
import type { Device, Me } from '@alcove/contract';
import type { AccountCalls } from './account.ts';
import { createAccountClient } from './account-client.ts';
import type { Api } from './api.ts';
import type { KeyCalls } from './api-keys.ts';
import type { AuditCalls } from './audit.ts';
import type { ConnectionOptions } from './connection.ts';
import type { ListedDevice } from './devices.ts';
import type { DeviceDescription, Identity } from './identity.ts';
import { createKeyClient, type KeyClient, type KeyClientOptions } from './key-client.ts';
import type { ProviderCalls } from './providers.ts';
import type { RecoveryStatus } from './recovery.ts';
import type { ServiceCalls } from './services.ts';
import type { SessionCalls } from './sessions.ts';
import type { Storage } from './storage/storage.ts';
import type { Vault } from './vault.ts';
import type { WorkspaceCalls } from './workspaces.ts';

/** What `createClient` takes for a person. */
export interface ClientOptions extends ConnectionOptions {
  /**
   * Where everything is kept: `sqliteStorage`, `indexedDbStorage` or `memoryStorage`. Several tabs or processes may
   * open the same one; they share its session, its vault and its queue.
   */
  readonly storage: Storage;
  /** How this device introduces itself when it registers, signs in or pairs. */
  readonly device?: DeviceDescription;
}

/** A pairing that this device, the new one, waits for. */
export interface PendingPairing {
  /** What the existing device scans, for a QR code. It holds a secret: show it to nobody else. */
  readonly code: string;
  /** Until when it can be approved, RFC 3339. */
  readonly expiresAt: string;
  /**
   * Waits until the pairing is approved, checks what came, and makes this store a device of the account.
   *
   * Asks every `pollMs` (default 2,000), slowly less often, and no sooner than the server wishes. Throws
   * `keys.untrusted` when what came was not made by who scanned the code, `pairing.expired`,
   * `pairing.already_claimed`, `aborted`, `network`.
   */
  claim(options?: { signal?: AbortSignal; pollMs?: number }): Promise<Identity>;
}

/** The recovery key: 24 words that stand for a member of the account which is no device. */
export interface RecoveryCalls {
  /**
   * Makes a recovery key and gives its 24 words, in place of those before. Show them once, to be written down: they are
   * kept nowhere, and whoever has them has the vault. Then let them be typed back, for `confirm`.
   *
   * Throws `network`, `identity.missing`, `keys.waiting`, `keys.untrusted`.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.register();
   * assert.equal(await client.recovery.status(), 'none');
   * const words = await client.recovery.create();
   * assert.equal(words.split(' ').length, 24);
   * assert.equal(await client.recovery.status(), 'unconfirmed'); // ask for the words until they are confirmed
   *
   * await assert.rejects(client.recovery.confirm(words.replace(/^\w+/, 'alcove')), {
   *   code: 'recovery.invalid_words',
   *   message: 'Not a word of the list: number 1, “alcove”. Look at the spelling once more.',
   * });
   * await client.recovery.confirm(words);
   * assert.equal(await client.recovery.status(), 'confirmed');
   * ```
   */
  create(): Promise<string>;
  /** Checks words that were typed back. Works offline. Throws `recovery.invalid_words`, `recovery.wrong_words`. */
  confirm(words: string): Promise<void>;
  /** Works offline. `unconfirmed` only on the device that made it; others take it for granted. */
  status(): Promise<RecoveryStatus>;
}

/** One store of one account: its session, and where it has a vault, its device. */
export interface Client extends AsyncDisposable {
  /** Which device this is; `undefined` where the store is none, or not yet. */
  readonly identity: Identity | undefined;
  /** Signing up, in and out; the account itself. */
  readonly account: AccountCalls;
  /** Google and GitHub as further ways into the account. */
  readonly services: ServiceCalls;
  /** Where the account is signed in. */
  readonly sessions: SessionCalls;
  /** Teams, their members and invitations. */
  readonly workspaces: WorkspaceCalls;
  /** API keys of a workspace. */
  readonly keys: KeyCalls;
  /** A workspace's own keys for outside services. */
  readonly providers: ProviderCalls;
  /** Who did what in a workspace. */
  readonly audit: AuditCalls;
  /**
   * Any call of the API by its method and path, with its input and answer typed. It goes out in the name of the account
   * where a session stands, with an Idempotency-Key where it changes something, and is repeated after passing faults.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * const { status } = await client.api('GET', '/health');
   * assert.equal(status, 'ok');
   *
   * await client.account.startGuest();
   * const { data } = await client.api('GET', '/api/v1/auth/sessions', { query: { limit: 10 } });
   * assert.equal(data.length, 1);
   * ```
   */
  readonly api: Api;
  /** The encrypted, offline vault. */
  readonly vault: Vault;
  /** The 24 words by which the vault outlives all of its devices. */
  readonly recovery: RecoveryCalls;

  /**
   * Makes a new anonymous account: no name, no mail. This device's keys are made here and stay here.
   *
   * Can be called again at any time: it goes on where an earlier call was interrupted, and does nothing once all is
   * done. Throws `network`, `identity.exists` (the store waits for a pairing), or what the server answers.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({
   *   url: 'http://127.0.0.1:8080',
   *   storage: memoryStorage(),
   *   device: { name: 'Laptop', platform: 'linux' },
   * });
   * const identity = await client.register();
   * assert.deepEqual(await client.register(), identity);
   * assert.equal((await client.devices())[0]?.fingerprint, identity.fingerprint);
   * ```
   */
  register(): Promise<Identity>;

  /**
   * On a new device: starts a pairing with an existing account. Calling it again while one waits, also after a
   * restart, gives the same code. Throws `identity.exists`, `network`.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * const url = 'http://127.0.0.1:8080';
   * await using laptop = await createClient({ url, storage: memoryStorage() });
   * await laptop.register();
   * await laptop.vault.put({ kind: 'entry', value: 'written before the phone came' });
   * await laptop.vault.sync();
   *
   * await using phone = await createClient({
   *   url,
   *   storage: memoryStorage(),
   *   device: { name: 'Phone', platform: 'android' },
   * });
   * const pairing = await phone.startPairing(); // show pairing.code as a QR code
   * await laptop.approvePairing(pairing.code); // the laptop has scanned it
   * const { accountId } = await pairing.claim();
   *
   * assert.equal(accountId, laptop.identity?.accountId);
   * await phone.vault.sync();
   * assert.equal((await phone.vault.list()).length, 1);
   * ```
   */
  startPairing(): Promise<PendingPairing>;

  /**
   * On a device of the account: admits the device that shows `code`. It gets every epoch key, so it reads all that
   * was ever written. Calling it again after a lost answer is safe.
   *
   * Throws `pairing.invalid_code`, `pairing.fingerprint_mismatch` (the server shows other keys than the code),
   * `pairing.not_open`, `pairing.not_found`, `keys.untrusted`, `keys.unsupported` (an RSA key).
   *
   * @returns The new device.
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { AlcoveError, createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.register();
   * await assert.rejects(
   *   client.approvePairing('a photograph of a cat'),
   *   (error) => error instanceof AlcoveError && error.code === 'pairing.invalid_code',
   * );
   * ```
   */
  approvePairing(code: string): Promise<Device>;

  /**
   * On a fresh store, when all devices are lost: makes it a device of the account that these 24 words belong to. It reads
   * all that was ever written. With `revokeOthers` every other device is taken out of the account.
   *
   * Can be called again when it was interrupted. Throws `recovery.invalid_words` (the message names the words that are
   * wrong), `auth.proof_invalid` (the words belong to nobody, or were replaced), `keys.untrusted`, `identity.exists`,
   * `network`.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * const url = 'http://127.0.0.1:8080';
   * await using lost = await createClient({ url, storage: memoryStorage() });
   * await lost.register();
   * const words = await lost.recovery.create();
   * await lost.vault.put({ kind: 'entry', value: 'not lost with the laptop' });
   * await lost.vault.sync();
   *
   * await using found = await createClient({ url, storage: memoryStorage() });
   * await found.recover(words, { revokeOthers: true });
   * await found.vault.sync();
   * assert.equal((await found.vault.list())[0]?.value, 'not lost with the laptop');
   * await assert.rejects(lost.me(), { code: 'auth.signed_out' });
   * ```
   */
  recover(words: string, options?: { revokeOthers?: boolean }): Promise<Identity>;

  /**
   * Lists the devices in use. Only a `verified` one is proven by the device log and gets keys. Throws
   * `identity.missing`, `network`.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.register();
   * const [device] = await client.devices();
   * assert(device?.current && device.verified);
   * ```
   */
  devices(): Promise<ListedDevice[]>;

  /**
   * Gives a device another name (1 to 100 characters). Throws `device.not_found`.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * const { deviceId } = await client.register();
   * assert.equal((await client.renameDevice(deviceId, 'Old laptop')).name, 'Old laptop');
   * ```
   */
  renameDevice(id: string, name: string): Promise<Device>;

  /**
   * Takes a device out of the account: its tokens die at once, and the next epoch key, which seals everything written
   * from now on, is minted for the others only. What the device already holds it keeps.
   *
   * When it is interrupted, the next `sync()` finishes it. Throws `invalid_argument` for this device itself, `network`.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * const url = 'http://127.0.0.1:8080';
   * await using laptop = await createClient({ url, storage: memoryStorage() });
   * await using phone = await createClient({ url, storage: memoryStorage() });
   * await laptop.register();
   * const pairing = await phone.startPairing();
   * const { id } = await laptop.approvePairing(pairing.code);
   * await pairing.claim();
   *
   * await laptop.revokeDevice(id);
   * assert.equal((await laptop.devices()).length, 1);
   * await assert.rejects(phone.vault.sync(), { code: 'auth.signed_out' });
   * ```
   */
  revokeDevice(id: string): Promise<void>;

  /**
   * What the server knows of this account, session and device. Throws `identity.missing`, `auth.signed_out`.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.register();
   * const { account } = await client.me();
   * assert.equal(account.kind, 'anonymous');
   * assert.equal(account.email, null);
   * ```
   */
  me(): Promise<Me>;

  /**
   * The same as `account.signOut()`. The store keeps the vault and its queue, and the device stays in the account: it
   * goes on after `account.resume()`, or where there is a password after `account.signIn()`. Throws `network`.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.register();
   * await client.vault.put({ kind: 'entry', value: 'still here' });
   * await client.logout();
   * await assert.rejects(client.vault.sync(), { code: 'auth.signed_out' });
   * assert.equal((await client.vault.list()).length, 1);
   * ```
   */
  logout(options?: { everywhere?: boolean }): Promise<void>;

  /** Ends what is under way and releases the store. Unsynced changes stay in it. `await using` calls it too. */
  close(): Promise<void>;
}

/**
 * Opens a store as a client. The first time it is empty: register, sign up, sign in or pair it. Afterwards it is the same
 * account, and the same device of it, whether there is a network or not. With `apiKey` in place of `storage` the client
 * acts as that key.
 *
 * Throws `storage.in_use`, `storage.newer`, `storage.failed`, and `invalid_argument` for a URL that is none.
 *
 * @example
 * ```ts
 * import assert from 'node:assert/strict';
 * import { createClient, memoryStorage } from '@alcove/client';
 *
 * await using client = await createClient({
 *   url: 'http://127.0.0.1:8080',
 *   storage: memoryStorage(), // or sqliteStorage('journal.db'), or indexedDbStorage('journal')
 *   device: { name: 'Laptop', platform: 'linux' },
 * });
 * if (client.identity === undefined) await client.register();
 * const { id } = await client.vault.put({ kind: 'entry', value: { text: 'So to bed.' } });
 * await client.vault.sync();
 * assert.equal((await client.vault.get('entry', id))?.unsynced, false);
 * ```
 */
export function createClient(options: KeyClientOptions): Promise<KeyClient>;
export function createClient(options: ClientOptions): Promise<Client>;
export function createClient(options: ClientOptions | KeyClientOptions): Promise<Client | KeyClient> {
  return 'apiKey' in options ? createKeyClient(options) : createAccountClient(options);
}
