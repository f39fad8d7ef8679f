/** Accounts, their devices, sessions and keys. The module's only door. */
import type { Jwks } from '@alcove/contract/identity';
import type { Static } from 'typebox';
import { asSystem, type Ctx, type TxCtx } from '../../context.ts';
import type { Clock } from '../../platform/clock/index.ts';
import type { OAuthSettings } from '../../platform/config/index.ts';
import type { Envelope, MasterKeys } from '../../platform/crypto/index.ts';
import type { Events } from '../../platform/events/index.ts';
import type { Fanout } from '../../platform/fanout/index.ts';
import type { Ids } from '../../platform/ids/index.ts';
import type { Jobs, Task } from '../../platform/jobs/index.ts';
import type { MailQueue } from '../../platform/mail/index.ts';
import type { Audit } from '../audit/index.ts';
import { createAccessTokens } from './access-tokens.ts';
import { type Accounts, createAccounts } from './accounts.ts';
import { type ApiKeys, createApiKeys } from './api-keys/api-keys.ts';
import { createKeyTokens, type KeyTokens } from './api-keys/key-tokens.ts';
import { createLiveKeys } from './api-keys/live-keys.ts';
import { type Callers, createCallers } from './callers.ts';
import { type Clients, createClients } from './clients.ts';
import type { Belongings } from './deletion/belongings.ts';
import { createDeletion, type Deletion } from './deletion/service.ts';
import { createDevices, type Devices } from './devices.ts';
import { createEpochs, type Epochs } from './epochs.ts';
import { type ArchivedFile, createExport } from './export/service.ts';
import type { FindAssistant } from './guests/assistants.ts';
import type { GuestLimits } from './guests/guest-store.ts';
import { createGuests, type Guests } from './guests/guests.ts';
import { createFindOffer } from './guests/merge.ts';
import { createKeyring, type Keyring } from './keyring.ts';
import { createChallenges } from './known-devices/challenges.ts';
import { createDeviceLogin } from './known-devices/device-login.ts';
import { createDeviceProofs, type DeviceProofs } from './known-devices/proofs.ts';
import { createLetters } from './letters.ts';
import { createTellOwner } from './notices.ts';
import { createLinks, type Links } from './oauth/links.ts';
import { createOAuth, type OAuth } from './oauth/service.ts';
import { createPairing, type PairingService } from './pairing.ts';
import { createPasswords, type Passwords } from './passwords/service.ts';
import { createProfile } from './profile.ts';
import { createProviderKeys, type ProviderKeys } from './provider-keys/provider-keys.ts';
import { createRecover } from './recovery/recover.ts';
import { createRecovery, type Recovery } from './recovery/recovery.ts';
import { createRemoveRecovery } from './recovery/remove.ts';
import { createRegistration } from './registration.ts';
import { createSessionList, type SessionList } from './session-list.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { createSigningKeys, type SigningKeys } from './signing-keys.ts';
import * as store from './store.ts';
import { createTokens, type TokenService } from './tokens.ts';
import { type AnnounceDevices, createTrail, type Trail } from './trail.ts';

export type { Belongings } from './deletion/belongings.ts';
export type { Removals } from './deletion/removals.ts';
export type { Devices } from './devices.ts';
export type { EpochStanding, Epochs } from './epochs.ts';
export type { FindAssistant } from './guests/assistants.ts';
export { identityJobs } from './jobs.ts';
export type { Keyring } from './keyring.ts';
export { normaliseEmail } from './passwords/email.ts';
export type { ProviderKeys, RevealedKey } from './provider-keys/provider-keys.ts';
export type { Recovery } from './recovery/recovery.ts';
export { identityRoutes } from './routes.ts';
export { identitySealedColumns } from './sealed-columns.ts';
export type { Trail } from './trail.ts';

export interface Identity {
  readonly register: ReturnType<typeof createRegistration>;
  readonly accounts: Accounts;
  readonly authenticate: Callers['authenticate'];
  readonly apiKeys: ApiKeys;
  readonly keyTokens: KeyTokens;
  readonly clients: Clients;
  /** For what outlives a request. */
  readonly sessions: Pick<Sessions, 'requireLive' | 'onEnded'>;
  readonly sessionList: SessionList;
  readonly guests: Guests;
  readonly providerKeys: ProviderKeys;
  readonly passwords: Passwords;
  readonly oauth: OAuth;
  readonly links: Links;
  readonly deletion: Deletion;
  readonly exportMe: ReturnType<typeof createExport>;
  readonly publicUrl: string;
  readonly updateProfile: ReturnType<typeof createProfile>;
  /** For what others do with what belongs to an account. */
  readonly trail: Trail;
  /** What it asks the job queue to do. */
  readonly tasks: readonly Task[];
  readonly devices: Devices;
  readonly deviceProofs: Pick<DeviceProofs, 'challenge'>;
  readonly deviceLogin: ReturnType<typeof createDeviceLogin>;
  readonly pairing: PairingService;
  readonly keyring: Keyring;
  readonly recovery: Recovery;
  readonly recover: ReturnType<typeof createRecover>;
  /** What the epochs of writes are checked against. */
  readonly epochs: Pick<Epochs, 'standing'>;
  readonly tokens: Pick<TokenService, 'refresh'>;
  jwks(): Static<typeof Jwks>;
  readonly rotateSigningKeys: SigningKeys['rotate'];
  /** Writes down when sessions were last seen and keys last used. */
  flushSeen(ctx: Ctx): Promise<void>;
  /** Removes pairings, tokens and sessions that nobody can use any more. Answers how many rows went. */
  sweep(ctx: Ctx): Promise<number>;
}

/** Ended sessions stay this long, so that their owner can still see them. */
const sweptAfterMs = 24 * 3_600_000;

export function createIdentity(parts: {
  readonly publicUrl: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: Audit;
  readonly events: Events<TxCtx>;
  readonly envelope: Envelope;
  readonly masterKeys: MasterKeys;
  readonly fanout: Fanout;
  readonly mails: MailQueue;
  readonly jobs: Pick<Jobs, 'enqueue'>;
  /** Where the links in letters lead. */
  readonly appUrl: string;
  readonly oauth: OAuthSettings;
  /** What accounts have outside of the control database. */
  readonly belongings: readonly Belongings[];
  /** The vault, for the account's own archive. */
  readonly vaultFiles: readonly ArchivedFile[];
  readonly createCtx: (signal: AbortSignal) => Ctx;
  /** How long the epoch before the current one may still be written with. */
  readonly epochGraceMs: number;
  readonly guestLimits: GuestLimits;
  readonly findAssistant: FindAssistant;
  readonly announceDevices: AnnounceDevices;
}): Identity {
  const { clock, ids } = parts;
  const signingKeys = createSigningKeys(parts);
  const sessions = createSessions(parts);
  const trail = createTrail(parts);
  const accessTokens = createAccessTokens({ ...parts, signingKeys });
  const liveKeys = createLiveKeys(parts);
  const tokens = createTokens({ ...parts, accessTokens, sessions, trail });
  const challenges = createChallenges(parts);
  const deviceProofs = createDeviceProofs(challenges);
  const signIn = { clock, ids, tokens, trail, deviceProofs };
  const epochs = createEpochs({ ...parts, graceMs: parts.epochGraceMs });
  const removeRecovery = createRemoveRecovery({ clock, sessions });
  const findGuestOffer = createFindOffer({ accessTokens, sessions });
  const letters = createLetters(parts);
  const noticing = { letters, tellOwner: createTellOwner(parts) };
  const passwords = createPasswords(
    { ...parts, ...signIn, letters, sessions, findGuestOffer, removeRecovery },
    parts.createCtx,
  );
  const deletion = createDeletion({ ...parts, sessions, passwords });
  const guests = createGuests({
    ...parts,
    ...signIn,
    accessTokens,
    sessions,
    passwords,
    limits: parts.guestLimits,
    removeAccount: deletion.removeAccount,
  });
  const oauth = createOAuth({ ...parts, ...signIn, settings: parts.oauth });
  return {
    register: createRegistration(signIn),
    accounts: createAccounts({ sessions, trail }),
    authenticate: createCallers({ accessTokens, sessions, liveKeys }).authenticate,
    apiKeys: createApiKeys(parts),
    keyTokens: createKeyTokens({ clock, accessTokens, liveKeys }),
    clients: createClients(),
    sessions,
    sessionList: createSessionList({ clock, sessions, trail }),
    guests,
    providerKeys: createProviderKeys(parts),
    passwords,
    oauth,
    links: createLinks({ ...noticing, clock, sessions, trail, passwords }),
    publicUrl: parts.publicUrl,
    updateProfile: createProfile({ passwords, trail }),
    deletion,
    trail,
    exportMe: createExport({ clock, trail, vaultFiles: parts.vaultFiles }),
    tasks: [passwords.forgotTask, deletion.removals.task],
    devices: createDevices({ clock, sessions, trail }),
    deviceProofs,
    deviceLogin: createDeviceLogin(signIn),
    pairing: createPairing(signIn),
    keyring: createKeyring({ trail, epochs, removeRecovery }),
    recovery: createRecovery({ ...noticing, clock, sessions, trail, epochs, removeRecovery }),
    recover: createRecover({ ...signIn, ...noticing }),
    epochs,
    tokens,
    jwks: () => signingKeys.jwks(),
    rotateSigningKeys: signingKeys.rotate,
    async flushSeen(ctx) {
      await sessions.flushSeen(ctx);
      await liveKeys.flushUsed(ctx);
    },
    sweep: (ctx) =>
      asSystem(ctx, async (tx) => {
        await passwords.sweep(tx);
        await oauth.sweep(tx);
        await deletion.sweep(tx);
        await challenges.sweep(tx);
        return store.deleteExpired(tx, new Date(clock.now() - sweptAfterMs));
      }),
  };
}
