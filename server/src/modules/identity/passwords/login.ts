import type { LoggedIn, LoginRequest, SessionOpened } from '@alcove/contract/account';
import { asSystem, beforehand, type Ctx, type TxCtx } from '../../../context.ts';
import { type ComingDevice, readComingDevice, receiveDevice } from '../coming-device.ts';
import type { createFindOffer } from '../guests/merge.ts';
import type { DeviceProofs } from '../known-devices/proofs.ts';
import { openSession, type SignInParts } from '../sign-in.ts';
import { asAccount } from '../trail.ts';
import type { Attempts } from './attempts.ts';
import {
  type CredentialRow,
  findCredentialByEmail,
  holdCredential,
  replaceHash,
} from './credential-store.ts';
import { normaliseEmail } from './email.ts';
import { invalidCredentials } from './errors.ts';
import { createGate } from './gate.ts';
import type { PasswordHasher } from './hashing.ts';

interface LoginParts extends SignInParts {
  readonly deviceProofs: DeviceProofs;
  readonly attempts: Attempts;
  readonly hasher: PasswordHasher;
  /** What a guest who signs in could bring along. */
  readonly findGuestOffer: ReturnType<typeof createFindOffer>;
}

/**
 * Before the database is asked, not only before the hash: with hundreds of guesses waiting for the one connection of the
 * embedded database everybody else would wait behind them.
 */
const guessing = { parallelMax: 4, waitingPerAddressMax: 30, waitingMax: 1000 };

/**
 * Until the password is known to be right, everything happens alike for an address of somebody and of nobody: the same
 * statements, the same work, the same answer.
 */
export function createLogin(parts: LoginParts) {
  const { attempts, hasher } = parts;
  const gate = createGate(guessing);
  return async (ctx: Ctx, request: LoginRequest): Promise<LoggedIn> => {
    const { ip } = ctx.origin;
    const email = normaliseEmail(request.email);
    const coming = await readComingDevice(request);
    const { credential, isRight } = await gate(ip, async () => {
      const found = await attempts.begin(ctx, email, (tx) => findCredentialByEmail(tx, email));
      return { credential: found, isRight: await hasher.matches(ip, request.password, found?.hash) };
    });
    if (credential === undefined || !isRight) throw invalidCredentials();
    const renewed = hasher.isOutdated(credential.hash) ? await hasher.hash(ip, request.password) : undefined;
    const guestWorkspace = await parts.findGuestOffer(beforehand(ctx), request.guestToken);
    return asSystem(ctx, async (tx) => {
      await requireUnchanged(tx, credential);
      await attempts.forgive(tx, email);
      if (renewed !== undefined) {
        const at = new Date(parts.clock.now());
        const { account_id: accountId, hash: from } = credential;
        await replaceHash(tx, { accountId, from, to: renewed, at });
      }
      const opened = await open(tx, parts, credential.account_id, coming);
      return guestWorkspace === undefined ? opened : { ...opened, guestWorkspace };
    });
  };
}

/** The password may have been changed, or the account deleted, while the hash was computed. */
async function requireUnchanged(tx: TxCtx, credential: CredentialRow): Promise<void> {
  const now = await holdCredential(tx, credential.account_id);
  if (now?.hash !== credential.hash) throw invalidCredentials();
}

async function open(
  tx: TxCtx,
  parts: LoginParts,
  accountId: string,
  coming: ComingDevice | undefined,
): Promise<SessionOpened> {
  const device = await receiveDevice(tx, parts, accountId, coming);
  const opened = await openSession(tx, parts, { accountId, device });
  await parts.trail.record(tx, accountId, {
    action: 'session.opened',
    target: { type: 'account', id: accountId },
    actor: asAccount(accountId),
    detail: { by: 'password', ...(device === undefined ? {} : { device: device.id }) },
  });
  return opened;
}
