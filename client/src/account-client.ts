/** A client of a person: everything is wired here, in ordinary code. */
import { type CurrentAccount, createAccount } from './account.ts';
import { createApi } from './api.ts';
import { createKeys } from './api-keys.ts';
import { createAudit } from './audit.ts';
import type { Client, ClientOptions } from './client.ts';
import { connect } from './connection.ts';
import { createVault } from './create-vault.ts';
import { listVerifiedDevices, renameDevice, revokeDevice, revokeOtherDevices } from './devices.ts';
import { findIdentity, type Identity, register } from './identity.ts';
import { createKeyring } from './keyring.ts';
import { createLiveChannel } from './live.ts';
import { approvePairing, claimPairing, startPairing } from './pairing.ts';
import { createProviders } from './providers.ts';
import { findAccount, openRecords, put, type Records, recordKeys } from './records.ts';
import { confirmRecovery, createRecovery, endRecovery, readRecoveryStatus, recover } from './recovery.ts';
import { createServices } from './services.ts';
import { asWhoeverIsHere, createSession } from './session.ts';
import { createSessions } from './sessions.ts';
import type { Storage } from './storage/storage.ts';
import { takeNewIdentity } from './successor.ts';
import { createSyncEngine } from './sync.ts';
import { joinTabs } from './tabs.ts';
import { createVaultStore } from './vault-store/index.ts';
import { isMe, isNothing } from './wire.ts';
import { createWorkspaces } from './workspaces.ts';

export async function createAccountClient(options: ClientOptions): Promise<Client> {
  const { http, url, now, random, closing } = connect(options);
  const closed = closing.signal;
  const records = await openStore(options.storage);
  const session = createSession({ records, http, now, closed });
  const keyring = createKeyring({ records, session });
  const store = createVaultStore({ records, keyring, now });
  const tabsName = await findTabsName(records);
  const { vault, idle } = createVault({
    store,
    channel: createLiveChannel({
      session,
      url,
      random,
      webSocket: options.webSocket ?? globalThis.WebSocket,
    }),
    joinTabs: (onMessage) => joinTabs(tabsName, records.joinNews, onMessage),
    lead: (work, signal) => records.withLock('lead', work, signal),
    createEngine: (onPulled) => {
      const succession = { records, http, keyring, now, url, session, store };
      const engine = createSyncEngine({
        session,
        keyring,
        store,
        now,
        onPulled,
        takeNewIdentity: () => takeNewIdentity(succession),
      });
      const run = () => engine.run().finally(noticeIdentity);
      return { ...engine, run: () => records.withLock('sync', run, closed) };
    },
    random,
    closed,
  });
  const description = options.device ?? { name: 'Unnamed device', platform: 'other' };
  const joining = { records, http, keyring, now, description };
  const parts = { records, session, keyring };
  const recovering = { ...joining, session };
  const api = createApi(session);
  let current = await findCurrent(records);
  let identity = await findIdentity(records);

  async function lookAgain(): Promise<void> {
    if (closed.aborted) return;
    current = await findCurrent(records);
    identity = await findIdentity(records);
  }

  /** A sync may find that this device is the first one, and make its keys; or that it has to become another. */
  async function noticeIdentity(): Promise<void> {
    if (closed.aborted) return;
    const stored = await records.read(recordKeys.identity);
    if (identity?.keys === 'waiting' || identity?.deviceId !== stored?.deviceId) await lookAgain();
  }

  /** Whatever a step has reached is worth knowing, also when the rest of the way failed. */
  async function join(step: () => Promise<void>): Promise<Identity> {
    await step().finally(lookAgain);
    if (identity === undefined) throw new Error('an identity was stored and is not there');
    return identity;
  }

  async function signOut(everywhere: boolean): Promise<void> {
    const body = everywhere ? { everywhere } : {};
    await session.end({ method: 'POST', path: '/api/v1/auth/logout', body, answer: isNothing });
    await lookAgain();
  }

  let released: Promise<void> | undefined;
  async function release(): Promise<void> {
    closing.abort();
    await idle();
    await records.close();
  }
  const close = () => {
    released ??= release();
    return released;
  };

  return {
    vault,
    api: createApi(asWhoeverIsHere(records, session, http)),
    close,
    [Symbol.asyncDispose]: close,
    account: createAccount({
      ...joining,
      url,
      session,
      api,
      publicApi: createApi(http),
      closed,
      findCurrent: () => current,
      signOut,
      onChange: lookAgain,
    }),
    services: createServices({ records, url, api }),
    sessions: createSessions(api),
    workspaces: createWorkspaces(api),
    keys: createKeys(api),
    providers: createProviders(api),
    audit: createAudit(api),
    get identity() {
      return identity;
    },
    recovery: {
      create: () => createRecovery(recovering),
      confirm: (words) => confirmRecovery(recovering, words),
      status: () => readRecoveryStatus(records),
    },
    recover: (words, { revokeOthers = false } = {}) =>
      join(async () => {
        await records.withLock('identity', () => recover(recovering, words, { revokeOthers }), closed);
        await (revokeOthers ? revokeOtherDevices(parts) : keyring.refresh(closed));
        await endRecovery(recovering);
      }),
    register: () => join(() => records.withLock('identity', () => register(joining), closed)),
    async startPairing() {
      const started = await records.withLock('identity', () => startPairing({ ...joining, url }), closed);
      return { ...started, claim: (claiming = {}) => join(() => claimPairing(joining, claiming)) };
    },
    approvePairing: (code) => approvePairing(parts, code),
    devices: () => listVerifiedDevices(parts),
    renameDevice: (id, name) => renameDevice(parts, id, name),
    revokeDevice: (id) => revokeDevice(parts, id),
    me: () => session.request({ method: 'GET', path: '/api/v1/auth/me', answer: isMe }),
    logout: ({ everywhere = false } = {}) => signOut(everywhere),
  };
}

/** Made by whoever opens the store first. */
function findTabsName(records: Records): Promise<string> {
  return records.withLock('vault', async () => {
    const known = await records.read(recordKeys.tabs);
    if (known !== undefined) return known;
    const name = crypto.randomUUID();
    await records.write([put(recordKeys.tabs, name)]);
    return name;
  });
}

/** The account of the session that stands. */
async function findCurrent(records: Records): Promise<CurrentAccount | undefined> {
  const account = await findAccount(records);
  if (account === undefined || (await records.read(recordKeys.tokens)) === undefined) return undefined;
  return { id: account.accountId, workspaceId: account.workspaceId, kind: account.kind };
}

async function openStore(storage: Storage): Promise<Records> {
  const handle = await storage.open();
  return openRecords(handle).catch(async (error) => {
    await handle.close();
    throw error;
  });
}
