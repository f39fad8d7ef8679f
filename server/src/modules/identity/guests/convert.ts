import type { Converted, ConvertRequest } from '@alcove/contract/guests';
import { type AccountActor, asSystem, type Ctx, type TxCtx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import * as identityErrors from '../errors.ts';
import { isTakenMeanwhile } from '../passwords/account-store.ts';
import { insertCredential } from '../passwords/credential-store.ts';
import { normaliseEmail } from '../passwords/email.ts';
import { emailTaken } from '../passwords/errors.ts';
import { requireAcceptablePassword } from '../passwords/policy.ts';
import type { Passwords } from '../passwords/service.ts';
import { renderAccount } from '../render.ts';
import * as store from '../store.ts';
import type { TokenService } from '../tokens.ts';
import type { Trail } from '../trail.ts';
import { notGuest } from './errors.ts';
import { convertGuest, lockGuest, unlimitWorkspace } from './guest-store.ts';

export interface ConvertParts {
  readonly clock: Clock;
  readonly tokens: TokenService;
  readonly trail: Trail;
  readonly passwords: Pick<Passwords, 'hasher' | 'askToVerify'>;
}

/** Makes a guest an account with a mail address and a password. It keeps its id, its session and everything it owns. */
export function createConvert(parts: ConvertParts) {
  return async (ctx: Ctx<AccountActor>, request: ConvertRequest): Promise<Converted> => {
    const email = normaliseEmail(request.email);
    requireAcceptablePassword(request.password, email);
    const hash = await parts.passwords.hasher.hash(ctx.origin.ip, request.password);
    const change = { email, hash, displayName: request.displayName ?? null };
    try {
      return await asSystem(ctx, (tx) => convert(tx, parts, change));
    } catch (error) {
      throw isTakenMeanwhile(error) ? emailTaken() : error;
    }
  };
}

async function convert(
  tx: TxCtx<AccountActor>,
  { clock, tokens, trail, passwords }: ConvertParts,
  { email, hash, displayName }: { email: string; hash: string; displayName: string | null },
): Promise<Converted> {
  const { accountId, sessionId } = tx.actor;
  if ((await lockGuest(tx, accountId)) === undefined) throw notGuest();
  const session = await store.findLiveSession(tx, sessionId);
  if (session === undefined) throw identityErrors.sessionEnded();
  const account = await convertGuest(tx, accountId, { email, displayName });
  if (account === undefined) throw emailTaken();
  await insertCredential(tx, { accountId, hash, at: new Date(clock.now()) });
  await unlimitWorkspace(tx, accountId);
  await passwords.askToVerify(tx, accountId, email);
  const converted = { account: renderAccount(account), tokens: await tokens.issue(tx, session) };
  const target = { type: 'account', id: accountId };
  await trail.record(tx, accountId, { action: 'account.converted', target });
  await trail.announce(tx, accountId, { type: 'account.converted', subject: target });
  return converted;
}
