/** Who stands behind a bearer token: an account by its session, or an API key by itself or by a token that it made. */
import type { AccountActor, Ctx, KeyActor } from '../../context.ts';
import type { AccessTokens } from './access-tokens.ts';
import { looksLikeKey } from './api-keys/format.ts';
import type { LiveKeys } from './api-keys/live-keys.ts';
import type { Sessions } from './sessions.ts';

export interface Callers {
  /** The caller, acting in their own workspace; throws a 401 where nobody is. */
  authenticate(ctx: Ctx, token: string): Promise<AccountActor | KeyActor>;
}

export function createCallers(parts: {
  readonly accessTokens: AccessTokens;
  readonly sessions: Sessions;
  readonly liveKeys: LiveKeys;
}): Callers {
  const { accessTokens, sessions, liveKeys } = parts;
  return {
    async authenticate(ctx, token) {
      if (looksLikeKey(token)) return liveKeys.requireKey(ctx, token);
      const claims = await accessTokens.verify(ctx, token);
      if (claims.kind === 'key') return liveKeys.requireKeyOfToken(ctx, claims);
      await sessions.requireLive(claims.sessionId);
      return claims;
    },
  };
}
