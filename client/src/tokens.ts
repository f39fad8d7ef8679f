/** The tokens of a session as they are kept. */
import type { Tokens } from '@alcove/contract';
import type { TokensRecord } from './records.ts';

/** A token that ends within this time is renewed before it is used. */
const renewEarlyMs = 60_000;

export function tokensToRecord(tokens: Tokens, accountId: string, nowMs: number): TokensRecord {
  const { accessToken, refreshToken, expiresInSeconds } = tokens;
  const accessExpiresAtMs = nowMs + expiresInSeconds * 1000;
  return { accountId, accessToken, refreshToken, accessExpiresAtMs, refreshKey: crypto.randomUUID() };
}

export function isFresh(tokens: TokensRecord, nowMs: number): boolean {
  return tokens.accessExpiresAtMs - nowMs > renewEarlyMs;
}
