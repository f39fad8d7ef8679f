/** The session that a store holds: which token a request carries, and how a new one is got. */
import { refreshProofText } from '@alcove/contract/keys';
import { sign } from './crypto/keys.ts';
import { signInByDevice } from './device-sign-in.ts';
import { AlcoveError, hasCode } from './errors.ts';
import type { Http, HttpRequest } from './http.ts';
import {
  findAccount,
  identityMissing,
  put,
  type Records,
  recordKeys,
  requireDevice,
  type TokensRecord,
} from './records.ts';
import { isFresh, tokensToRecord } from './tokens.ts';
import { isRefreshResponse } from './wire.ts';

/** Sends requests in somebody's name, or in nobody's. */
export interface Sender {
  request<T>(request: HttpRequest<T>): Promise<T>;
}

export interface Session extends Sender {
  /** Sends a request in the name of the account. Throws `auth.signed_out` when the session has ended. */
  request<T>(request: HttpRequest<T>): Promise<T>;
}

export interface SessionParts {
  readonly records: Records;
  readonly http: Http;
  readonly now: () => number;
  /** Ends the waiting for other clients of the store. */
  readonly closed: AbortSignal;
}

/**
 * The first renewal may bring tokens that died meanwhile: the server repeats the answer that an earlier try lost, or that a
 * copy of the store got. The second is asked under a new key, so its answer is of now.
 */
const renewalsMax = 2;

export function createSession(parts: SessionParts): Session {
  const { records, http, now, closed } = parts;
  let refreshing: Promise<TokensRecord> | undefined;

  /**
   * One refresh at a time, of all clients that share the store: a second one with the same token would look like theft
   * to the server. Whoever comes later finds the tokens that the first one brought.
   */
  function refreshOnce(stale: TokensRecord): Promise<TokensRecord> {
    refreshing ??= records
      .withLock('session', () => refreshStored(parts, stale), closed)
      .finally(() => {
        refreshing = undefined;
      });
    return refreshing;
  }

  async function usableTokens(): Promise<TokensRecord> {
    const tokens = await requireTokens(records);
    return isFresh(tokens, now()) ? tokens : refreshOnce(tokens).catch(toSignedOut);
  }

  async function send<T>(request: HttpRequest<T>, tokens: TokensRecord, renewalsLeft: number): Promise<T> {
    try {
      return await http.request({ ...request, token: tokens.accessToken });
    } catch (error) {
      if (!isUnauthorized(error) || renewalsLeft === 0) throw error;
      return send(request, await refreshOnce(tokens).catch(toSignedOut), renewalsLeft - 1);
    }
  }

  return {
    request: async (request) => send(request, await usableTokens(), renewalsMax),
  };
}

/** As the account where the store holds a session, as nobody where it holds none. */
export function asWhoeverIsHere(records: Records, session: Session, http: Http): Sender {
  return {
    async request(request) {
      const tokens = await records.read(recordKeys.tokens);
      return tokens === undefined ? http.request(request) : session.request(request);
    },
  };
}

/** Exchanges a refresh token, in the name of the session that it belongs to. Safe to repeat after a lost answer. */
export async function refreshTokens(
  http: Http,
  { accountId, refreshToken, refreshKey }: TokensRecord,
  nowMs: number,
  deviceSignature?: string,
): Promise<TokensRecord> {
  const { tokens } = await http.request({
    method: 'POST',
    path: '/api/v1/auth/refresh',
    answer: isRefreshResponse,
    body: { refreshToken, ...(deviceSignature === undefined ? {} : { deviceSignature }) },
    idempotencyKey: refreshKey,
  });
  return tokensToRecord(tokens, accountId, nowMs);
}

/** Called with the lock of the session, so nobody else changes the tokens meanwhile. */
async function refreshStored(parts: SessionParts, stale: TokensRecord): Promise<TokensRecord> {
  const { records } = parts;
  const current = await requireTokens(records);
  // Another tab may have signed in as somebody else: what was begun as one account never goes on as another.
  if (current.accountId !== stale.accountId) throw signedOut();
  if (current.refreshToken !== stale.refreshToken) return current;
  const renewed = await refreshOrReturn(parts, current);
  await records.write([put(recordKeys.tokens, renewed)]);
  return renewed;
}

/**
 * The device of an anonymous account has nothing but its key, and comes back by that when its session was lost: a copy of
 * the store has refreshed it, or it was away for too long. Who signed out holds no tokens to come here with.
 */
async function refreshOrReturn(parts: SessionParts, current: TokensRecord): Promise<TokensRecord> {
  const { records, http, now } = parts;
  try {
    return await refreshTokens(http, current, now(), await signProof(records, current.refreshToken));
  } catch (error) {
    if (!isUnauthorized(error) || !(await isAnonymousDevice(records))) throw error;
    return signInByDevice(parts).catch((refusal) => {
      throw isRefused(refusal) ? error : refusal;
    });
  }
}

async function isAnonymousDevice(records: Records): Promise<boolean> {
  const isDevice = (await records.read(recordKeys.identity)) !== undefined;
  return isDevice && (await findAccount(records))?.kind === 'anonymous';
}

async function requireTokens(records: Records): Promise<TokensRecord> {
  const tokens = await records.read(recordKeys.tokens);
  if (tokens !== undefined) return tokens;
  throw (await findAccount(records)) === undefined ? identityMissing() : signedOut();
}

/** Proves to the server that a repeated refresh comes from the device itself. */
async function signProof(records: Records, refreshToken: string): Promise<string | undefined> {
  if ((await records.read(recordKeys.identity)) === undefined) return undefined;
  const device = await requireDevice(records);
  return sign(device.keys.signing, refreshProofText(refreshToken));
}

/** A clear no to the device: it was revoked, or its account has got another way in. */
function isRefused(error: unknown): boolean {
  return isUnauthorized(error) || hasCode(error, 'auth.device_not_enough');
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
    'This store has no session any more. What it holds, also unsynced, is kept; sign in or pair again to go on.';
  if (!(cause instanceof AlcoveError)) return new AlcoveError('auth.signed_out', message);
  const { status, requestId } = cause;
  return new AlcoveError('auth.signed_out', message, { status, requestId, cause });
}
