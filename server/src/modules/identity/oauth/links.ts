/** The other services that an account may be signed in through: adding one, and taking one away again. */
import type { LinkedService, LinkServiceRequest, OAuthProvider } from '@alcove/contract/account';
import {
  type AccountActor,
  asSystem,
  beforehand,
  type Ctx,
  inTransaction,
  type TxCtx,
} from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import { createToken, hashToken } from '../../../platform/crypto/index.ts';
import { sessionEnded } from '../errors.ts';
import type { Letters } from '../letters.ts';
import type { TellOwner } from '../notices.ts';
import { findCredential } from '../passwords/credential-store.ts';
import { passwordRequired } from '../passwords/errors.ts';
import type { Passwords } from '../passwords/service.ts';
import type { Sessions } from '../sessions.ts';
import { findAccount, lockAccount } from '../store.ts';
import type { Trail } from '../trail.ts';
import { isShown } from './ask.ts';
import * as errors from './errors.ts';
import * as linkStore from './link-store.ts';
import type { Identified } from './provider.ts';
import { findIdentity, insertIdentity } from './store.ts';

export interface Links {
  list(ctx: Ctx<AccountActor>): Promise<{ data: LinkedService[] }>;
  /** Adds whoever agreed at the other service, by the code that the app got and the secret that only it has. */
  add(ctx: Ctx<AccountActor>, request: LinkServiceRequest): Promise<LinkedService>;
  remove(ctx: Ctx<AccountActor>, provider: OAuthProvider): Promise<void>;
}

export interface LinkParts {
  readonly clock: Clock;
  readonly sessions: Sessions;
  readonly trail: Trail;
  readonly passwords: Pick<Passwords, 'confirm'>;
  readonly letters: Pick<Letters, 'serviceLinked'>;
  readonly tellOwner: TellOwner;
}

export function createLinks(parts: LinkParts): Links {
  const { clock, sessions, trail, letters, tellOwner } = parts;
  return {
    list: (ctx) =>
      inTransaction(ctx, async (tx) => ({
        data: (await linkStore.listIdentities(tx, tx.actor.accountId)).map(render),
      })),

    async add(ctx, { code, codeVerifier, password }) {
      await requirePassword(beforehand(ctx), parts, password);
      return asSystem(ctx, async (tx) => {
        const { accountId } = tx.actor;
        await lockAccount(tx, accountId);
        await sessions.requireOwnLive(tx);
        const now = new Date(clock.now());
        const row = await linkStore.takeLinkCode(tx, hashToken(code), now);
        if (row === undefined || !isShown(codeVerifier, row.code_challenge)) throw errors.codeInvalid();
        await insertOrRefuse(tx, row, now);
        await tellOwner(tx, accountId, (to) => letters.serviceLinked(to, row.provider));
        await trail.record(tx, accountId, {
          action: 'identity.linked',
          target: { type: 'account', id: accountId },
          detail: { provider: row.provider },
        });
        return render({ ...row, created_at: now });
      });
    },

    remove: (ctx, provider) =>
      inTransaction(ctx, async (tx) => {
        const { accountId } = tx.actor;
        await lockAccount(tx, accountId);
        await sessions.requireOwnLive(tx);
        const linked = await linkStore.listIdentities(tx, accountId);
        if (!linked.some((row) => row.provider === provider)) throw errors.identityNotFound();
        const account = await findAccount(tx, accountId);
        if (account?.kind === 'oauth' && linked.length === 1) throw errors.lastWayIn();
        await linkStore.deleteIdentity(tx, accountId, provider);
        await trail.record(tx, accountId, {
          action: 'identity.unlinked',
          target: { type: 'account', id: accountId },
          detail: { provider },
        });
      }),
  };
}

/** A code for the app, which stands for who agreed and for nobody's account. */
export async function issueLinkCode(
  tx: TxCtx,
  row: Pick<linkStore.LinkCodeRow, 'provider' | 'code_challenge' | 'expires_at'>,
  { subject, email }: Identified,
): Promise<string> {
  const code = createToken();
  await linkStore.insertLinkCode(tx, { ...row, hash: hashToken(code), subject, email: email ?? null });
  return code;
}

/** A session alone does not add a way in that outlasts it, where there is a password to ask for. */
async function requirePassword(
  ctx: Ctx<AccountActor>,
  { passwords }: LinkParts,
  password: string | undefined,
): Promise<void> {
  const { accountId } = ctx.actor;
  const { account, credential } = await inTransaction(ctx, async (tx) => ({
    account: await findAccount(tx, accountId),
    credential: await findCredential(tx, accountId),
  }));
  if (account === undefined) throw sessionEnded();
  if (account.kind === 'guest') throw errors.guestCannotLink();
  if (credential === undefined) return;
  if (password === undefined) throw passwordRequired();
  await passwords.confirm(ctx, accountId, password);
}

async function insertOrRefuse(
  tx: TxCtx<AccountActor>,
  { provider, subject, email }: linkStore.LinkCodeRow,
  at: Date,
): Promise<void> {
  const { accountId } = tx.actor;
  if (await insertIdentity(tx, { provider, subject, accountId, email: email ?? undefined, at })) return;
  const owner = await findIdentity(tx, provider, subject);
  throw owner === undefined || owner === accountId ? errors.providerLinked() : errors.identityTaken();
}

const render = ({ provider, email, created_at }: linkStore.IdentityRow): LinkedService => ({
  provider,
  email,
  linkedAt: created_at.toISOString(),
});
