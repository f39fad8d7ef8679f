/** Short-lived tokens that a key makes, for where the key itself should not go. They can do less, and never more. */
import { allScope } from '@alcove/contract/access';
import type { KeyToken, KeyTokenRequest } from '@alcove/contract/api-keys';
import type { Ctx, KeyActor } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import { type AccessTokens, accessSeconds } from '../access-tokens.ts';
import * as errors from '../errors.ts';
import type { LiveKeys } from './live-keys.ts';

export interface KeyTokens {
  create(ctx: Ctx<KeyActor>, request: KeyTokenRequest): Promise<KeyToken>;
}

export function createKeyTokens(parts: {
  readonly clock: Clock;
  readonly accessTokens: AccessTokens;
  readonly liveKeys: LiveKeys;
}): KeyTokens {
  const { clock, accessTokens, liveKeys } = parts;
  return {
    async create(ctx, { scopes = ctx.actor.scopes, ttlSeconds = accessSeconds }) {
      const { actor } = ctx;
      if (actor.credential !== 'secret') throw errors.keySecretRequired();
      requireHeld(actor.scopes, scopes);
      const key = await liveKeys.find(ctx, actor.publicId);
      if (key === undefined) throw errors.keyRevoked();
      const expiresInSeconds = Math.min(ttlSeconds, secondsLeft(key.expires_at, clock.now()));
      const claims = { ...actor, scopes: [...scopes] };
      return {
        accessToken: await accessTokens.signForKey(claims, expiresInSeconds),
        tokenType: 'Bearer',
        expiresInSeconds,
        scopes: claims.scopes,
      };
    },
  };
}

function requireHeld(held: readonly string[], asked: readonly string[]): void {
  if (held.includes(allScope)) return;
  const missing = asked.filter((scope) => !held.includes(scope));
  if (missing.length > 0) throw errors.scopeNotHeld(`The key does not have ${missing.join(', ')}.`);
}

function secondsLeft(expiresAt: Date | null, nowMs: number): number {
  return expiresAt === null
    ? Number.POSITIVE_INFINITY
    : Math.max(1, Math.floor((expiresAt.getTime() - nowMs) / 1000));
}
