/** The device's session: which token a request carries, and how a new one is got. */
import type { Tokens } from '@alcove/contract';
import { refreshProofText } from '@alcove/contract/keys';
import { sign } from './crypto/keys.ts';
import { AlcoveError } from './errors.ts';
import type { Http, HttpRequest } from './http.ts';
import {
  put,
  type Records,
  recordKeys,
  requireDevice,
  requireIdentity,
  type TokensRecord,
} from './records.ts';
import { isRefreshResponse } from './wire.ts';

/** A token that ends within this time is renewed before it is used. */
const renewEarlyMs = 60_000;

export interface Session {
  /** Sends a request in the name of this device. Throws `auth.signed_out` when the session has ended. */
  request<T>(request: Omit<HttpRequest<T>, 'token'>): Promise<T>;
}

export interface SessionParts {
  readonly records: Records;
  readonly http: Http;
  readonly now: () => number;
}

export function createSession({ records, http, now }: SessionParts): Session {
  let refreshing: Promise<TokensRecord> | undefined;

  /** One refresh at a time: a second one with the same token would look like theft to the server. */
  function refreshOnce(stale: TokensRecord): Promise<TokensRecord> {
    refreshing ??= refresh(stale).finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  }

  async function refresh(stale: TokensRecord): Promise<TokensRecord> {
    const current = await requireTokens(records);
    if (current.refreshToken !== stale.refreshToken) return current;
    const { tokens } = await http.request({
      method: 'POST',
      path: '/auth/refresh',
      answer: isRefreshResponse,
      body: {
        refreshToken: stale.refreshToken,
        deviceSignature: await signProof(records, stale.refreshToken),
      },
      // The signature lets this device replay a refresh whose answer was lost, so trying again is safe.
      isRepeatable: true,
    });
    const renewed = tokensToRecord(tokens, now());
    await records.write([put(recordKeys.tokens, renewed)]);
    return renewed;
  }

  async function usableTokens(): Promise<TokensRecord> {
    const tokens = await requireTokens(records);
    return tokens.accessExpiresAtMs - now() > renewEarlyMs ? tokens : refreshOnce(tokens).catch(toSignedOut);
  }

  return {
    async request(request) {
      const tokens = await usableTokens();
      try {
        return await http.request({ ...request, token: tokens.accessToken });
      } catch (error) {
        if (!isUnauthorized(error)) throw error;
        const { accessToken } = await refreshOnce(tokens).catch(toSignedOut);
        return http.request({ ...request, token: accessToken });
      }
    },
  };
}

export function tokensToRecord(tokens: Tokens, nowMs: number): TokensRecord {
  const { accessToken, refreshToken, expiresInSeconds } = tokens;
  return { accessToken, refreshToken, accessExpiresAtMs: nowMs + expiresInSeconds * 1000 };
}

async function requireTokens(records: Records): Promise<TokensRecord> {
  const tokens = await records.read(recordKeys.tokens);
  if (tokens !== undefined) return tokens;
  await requireIdentity(records);
  throw signedOut();
}

async function signProof(records: Records, refreshToken: string): Promise<string> {
  const device = await requireDevice(records);
  return sign(device.keys.signing, refreshProofText(refreshToken));
}

function isUnauthorized(error: unknown): boolean {
  return error instanceof AlcoveError && error.status === 401;
}

/** Only the server's clear no ends a session. A fault on the way says nothing about it. */
function toSignedOut(error: unknown): never {
  throw isUnauthorized(error) ? signedOut(error) : error;
}

function signedOut(cause?: unknown): AlcoveError {
  const message =
    'This device has no session any more. What it holds, also unsynced, is kept; pair it again to go on.';
  if (!(cause instanceof AlcoveError)) return new AlcoveError('auth.signed_out', message);
  const { status, requestId } = cause;
  return new AlcoveError('auth.signed_out', message, { status, requestId, cause });
}
