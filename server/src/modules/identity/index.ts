/** Accounts, their devices, sessions and keys. The module's only door. */
import type { Jwks } from '@alcove/contract/identity';
import type { Static } from 'typebox';
import { asSystem, type Ctx, type TxCtx } from '../../context.ts';
import type { Clock } from '../../platform/clock/index.ts';
import type { Envelope, MasterKeys } from '../../platform/crypto/index.ts';
import type { Events } from '../../platform/events/index.ts';
import type { Ids } from '../../platform/ids/index.ts';
import type { Audit } from '../audit/index.ts';
import { type Accounts, createAccounts } from './accounts.ts';
import { createDevices, type Devices } from './devices.ts';
import { createKeyring, type Keyring } from './keyring.ts';
import { createPairing, type PairingService } from './pairing.ts';
import { createRegistration } from './registration.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { createSigningKeys, type SigningKeys } from './signing-keys.ts';
import * as store from './store.ts';
import { createTokens, type TokenService } from './tokens.ts';
import { createTrail } from './trail.ts';

export { identityJobs } from './jobs.ts';
export type { Keyring } from './keyring.ts';
export { identityRoutes } from './routes.ts';

export interface Identity {
  readonly register: ReturnType<typeof createRegistration>;
  readonly accounts: Accounts;
  readonly devices: Devices;
  readonly pairing: PairingService;
  readonly keyring: Keyring;
  readonly tokens: Pick<TokenService, 'refresh'>;
  readonly sessions: Pick<Sessions, 'flushSeen'>;
  jwks(): Static<typeof Jwks>;
  readonly rotateSigningKeys: SigningKeys['rotate'];
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
}): Identity {
  const { clock, ids } = parts;
  const signingKeys = createSigningKeys(parts);
  const sessions = createSessions({ clock });
  const trail = createTrail(parts);
  const tokens = createTokens({ ...parts, signingKeys, sessions, trail });
  const signIn = { clock, ids, tokens, trail };
  return {
    register: createRegistration(signIn),
    accounts: createAccounts({ tokens, sessions, trail }),
    devices: createDevices({ clock, sessions, trail }),
    pairing: createPairing(signIn),
    keyring: createKeyring({ clock, trail }),
    tokens,
    sessions,
    jwks: () => signingKeys.jwks(),
    rotateSigningKeys: signingKeys.rotate,
    sweep: (ctx) => asSystem(ctx, (tx) => store.deleteExpired(tx, new Date(clock.now() - sweptAfterMs))),
  };
}
