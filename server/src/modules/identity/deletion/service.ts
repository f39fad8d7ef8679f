/** Leaving: with proof that it is meant, and so that nothing stays. */
import { accountDeletionText, type DeleteMeRequest } from '@alcove/contract/account';
import type { Challenge } from '@alcove/contract/identity';
import { type AccountActor, asSystem, type Ctx, inTransaction, type TxCtx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import { createToken, hashToken } from '../../../platform/crypto/index.ts';
import { badSignature } from '../errors.ts';
import type { Passwords } from '../passwords/service.ts';
import { isSignedBy } from '../signatures.ts';
import { findDevice } from '../store.ts';
import * as store from './deletion-store.ts';
import { challengeInvalid, proofRequired } from './errors.ts';
import { createRemovals, type RemovalParts, type Removals } from './removals.ts';
import { createRemoveAccount, type RemovalOfAccountParts } from './remove-account.ts';

export interface Deletion {
  /** Something fresh for the device to sign. */
  challenge(ctx: Ctx<AccountActor>): Promise<Challenge>;
  /** Deletes the account that acts, once it has proven itself. */
  deleteMe(ctx: Ctx<AccountActor>, proof: DeleteMeRequest): Promise<{ deleted: true }>;
  /** Removes an account without asking: for accounts whose time is over. In a transaction of the owner. */
  removeAccount(tx: TxCtx, accountId: string): Promise<void>;
  readonly removals: Removals;
  sweep(tx: TxCtx): Promise<void>;
}

export interface DeletionParts extends Omit<RemovalOfAccountParts, 'removals'>, RemovalParts {
  readonly clock: Clock;
  readonly passwords: Passwords;
}

const challengeMs = 5 * 60_000;

export function createDeletion(parts: DeletionParts): Deletion {
  const { clock, passwords } = parts;
  const removals = createRemovals(parts);
  const removeAccount = createRemoveAccount({ ...parts, removals });
  return {
    challenge: (ctx) =>
      inTransaction(ctx, async (tx) => {
        const challenge = createToken();
        const expiresAt = new Date(clock.now() + challengeMs);
        await store.insertChallenge(tx, {
          hash: hashToken(challenge),
          accountId: tx.actor.accountId,
          expiresAt,
        });
        return { challenge, expiresAt: expiresAt.toISOString() };
      }),

    async deleteMe(ctx, { password, challenge, signature }) {
      const { accountId } = ctx.actor;
      if (password !== undefined) await passwords.confirm(ctx, accountId, password);
      else if (challenge === undefined || signature === undefined) throw proofRequired();
      else await requireSigned(ctx, clock, { challenge, signature });
      return asSystem(ctx, async (tx) => {
        await removeAccount(tx, accountId);
        return { deleted: true };
      });
    },

    removeAccount,
    removals,
    sweep: (tx) => store.deleteExpiredChallenges(tx, new Date(clock.now())),
  };
}

/** The challenge is used up whether or not the signature is right: a wrong one is not tried twice. */
async function requireSigned(
  ctx: Ctx<AccountActor>,
  clock: Clock,
  proof: { readonly challenge: string; readonly signature: string },
): Promise<void> {
  const { accountId, deviceId } = ctx.actor;
  if (deviceId === undefined) throw proofRequired();
  const device = await inTransaction(ctx, async (tx) => {
    const hash = hashToken(proof.challenge);
    const isFresh = await store.takeChallenge(tx, { hash, accountId, now: new Date(clock.now()) });
    return isFresh ? findDevice(tx, accountId, deviceId) : undefined;
  });
  if (device === undefined) throw challengeInvalid();
  if (!isSignedBy(device.signing_key, accountDeletionText(proof.challenge), proof.signature))
    throw badSignature();
}
