/** The door of the SDK: one client is one device of one account, with its store. */
import type { Device, Me } from '@alcove/contract';
import { type ListedDevice, listVerifiedDevices, renameDevice, revokeDevice } from './devices.ts';
import { AlcoveError, hasCode } from './errors.ts';
import { createHttp } from './http.ts';
import {
  type DeviceDescription,
  findIdentity,
  type Identity,
  type IdentityParts,
  register,
} from './identity.ts';
import { createKeyring } from './keyring.ts';
import { approvePairing, claimPairing, startPairing } from './pairing.ts';
import { openRecords, recordKeys, remove } from './records.ts';
import { createSession, type Session } from './session.ts';
import type { Storage } from './storage/storage.ts';
import { createSyncEngine } from './sync.ts';
import { createVault, type Vault } from './vault.ts';
import { createVaultStore } from './vault-store.ts';
import { isMe, isNothing } from './wire.ts';

const timeoutMsDefault = 30_000;

/** What `createClient` takes. */
export interface ClientOptions {
  /** Where the server is, for example `https://alcove.example`. */
  readonly url: string;
  /** Where everything is kept: `sqliteStorage`, `indexedDbStorage` or `memoryStorage`. */
  readonly storage: Storage;
  /** How this device introduces itself when it registers or pairs. */
  readonly device?: DeviceDescription;
  /** Stands in for the global `fetch`. */
  readonly fetch?: typeof fetch;
  /** How long one request may take as a whole, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number;
  /** Milliseconds since 1970, in place of `Date.now`. */
  readonly now?: () => number;
  /** Numbers from 0 to 1 for the jitter of pauses, in place of `Math.random`. Keys and nonces never come from it. */
  readonly random?: () => number;
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
   * Asks every `pollMs` (default 1,000). Throws `keys.untrusted` when what came was not made by who scanned the code,
   * `pairing.expired`, `pairing.already_claimed`, `aborted`, `network`.
   */
  claim(options?: { signal?: AbortSignal; pollMs?: number }): Promise<Identity>;
}

/** One device of one account. */
export interface Client extends AsyncDisposable {
  /** Who this device is, `undefined` before `register()` or a claimed pairing. */
  readonly identity: Identity | undefined;
  /** The encrypted, offline vault. */
  readonly vault: Vault;

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
   * Ends this device's session at the server, or with `everywhere` those of all devices. The store keeps the vault and
   * its queue, and the device stays in the account. An anonymous account cannot sign in again: pair anew from another
   * device. Throws `network`.
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
 * Opens a store as a client. The first time it is empty: `register()` or pair it. Afterwards it is the same device of
 * the same account, whether there is a network or not.
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
export async function createClient(options: ClientOptions): Promise<Client> {
  const url = requireUrl(options.url);
  const records = await openStore(options.storage);
  const closing = new AbortController();
  const closed = closing.signal;
  const { now = Date.now, random = Math.random, timeoutMs = timeoutMsDefault } = options;
  const send = options.fetch ?? ((...args: Parameters<typeof fetch>) => fetch(...args));
  const http = createHttp({ url, fetch: send, timeoutMs, random, closed });
  const session = createSession({ records, http, now });
  const keyring = createKeyring({ records, session });
  const store = createVaultStore({ records, keyring, now });
  const { vault, idle } = createVault({
    store,
    createEngine: (onPulled) => createSyncEngine({ session, keyring, store, now, onPulled }),
    random,
    closed,
  });
  const description = options.device ?? { name: 'Unnamed device', platform: 'other' };
  const joining: IdentityParts = { records, http, keyring, now, description };
  const parts = { records, session, keyring };
  let identity = await findIdentity(records);

  async function learnIdentity(): Promise<Identity> {
    identity = await findIdentity(records);
    if (identity === undefined) throw new Error('an identity was stored and is not there');
    return identity;
  }

  async function close(): Promise<void> {
    closing.abort();
    await idle();
    await records.close();
  }

  return {
    vault,
    close,
    [Symbol.asyncDispose]: close,
    get identity() {
      return identity;
    },
    async register() {
      // An account that stands is worth knowing even when the rest of the way failed.
      await register(joining).catch(async (error) => {
        identity = await findIdentity(records);
        throw error;
      });
      return learnIdentity();
    },
    async startPairing() {
      const started = await startPairing({ ...joining, url });
      const claim = async (claiming: { signal?: AbortSignal; pollMs?: number } = {}) => {
        await claimPairing(joining, claiming);
        return learnIdentity();
      };
      return { ...started, claim };
    },
    approvePairing: (code) => approvePairing(parts, code),
    devices: () => listVerifiedDevices(parts),
    renameDevice: (id, name) => renameDevice(parts, id, name),
    revokeDevice: (id) => revokeDevice(parts, id),
    me: () => session.request({ method: 'GET', path: '/auth/me', answer: isMe, isRepeatable: true }),
    async logout({ everywhere = false } = {}) {
      await endSession(session, everywhere);
      await records.write([remove(recordKeys.tokens)]);
    },
  };
}

async function endSession(session: Session, everywhere: boolean): Promise<void> {
  const body = everywhere ? { everywhere } : {};
  try {
    await session.request({
      method: 'POST',
      path: '/auth/logout',
      body,
      answer: isNothing,
      isRepeatable: true,
    });
  } catch (error) {
    // An earlier try whose answer was lost has ended it already.
    if (!hasCode(error, 'auth.signed_out')) throw error;
  }
}

async function openStore(storage: Storage) {
  const handle = await storage.open();
  return openRecords(handle).catch(async (error) => {
    await handle.close();
    throw error;
  });
}

function requireUrl(text: string): string {
  const url = URL.parse(text);
  if (url !== null && ['http:', 'https:'].includes(url.protocol)) return text;
  throw new AlcoveError(
    'invalid_argument',
    `url is the http(s) address of a server; ${JSON.stringify(text)} came.`,
  );
}
