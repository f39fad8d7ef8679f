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
import { forgetTokens, isFresh, tokensToRecord } from './tokens.ts';
import { isRefreshResponse } from './wire.ts';

/** Sends requests in somebody's name, or in nobody's. */
export interface Sender {
  request<T>(request: HttpRequest<T>): Promise<T>;
}

export interface Session extends Sender {
  /** Sends a request in the name of the account. Throws `auth.signed_out` when the session has ended. */
  request<T>(request: HttpRequest<T>): Promise<T>;
  /** Ends the session by this request, and forgets it. Whoever wants new tokens meanwhile waits, and finds none. */
  end(request: HttpRequest<unknown>): Promise<void>;
}

export interface SessionParts {
  readonly records: Records;
  readonly http: Http;
  readonly now: () => number;
  /** Ends the waiting for other clients of the store. */
  readonly closed: AbortSignal;
}

/** Gives tokens that may be used in place of these. */
type Renew = (stale: TokensRecord) => Promise<TokensRecord>;

/** What the server says of an access token that has run out, or whose session is over. */
const renewableCodes: readonly string[] = ['auth.invalid_token', 'auth.session_ended'];
const endedCodes: readonly string[] = ['auth.signed_out', 'auth.session_ended'];

export function createSession(parts: SessionParts): Session {
  const { records, closed } = parts;
  let renewing: { readonly of: string; readonly tokens: Promise<TokensRecord> } | undefined;

  const alone = <T>(work: () => Promise<T>) => records.withLock('session', work, closed);

  /**
   * One refresh at a time, of all clients that share the store: a second one with the same token would look like theft
   * to the server. Whoever comes later finds the tokens that the first one brought.
   */
  function renewOnce(stale: TokensRecord): Promise<TokensRecord> {
    const { refreshToken: of } = stale;
    if (renewing?.of === of) return renewing.tokens;
    const tokens = alone(() => renewStored(parts, stale)).finally(() => {
      if (renewing?.tokens === tokens) renewing = undefined;
    });
    renewing = { of, tokens };
    return tokens;
  }

  return {
    request: (request) => send(parts, request, renewOnce),
    end: (request) => alone(() => endStored(parts, request)),
  };
}

/** Asks for new tokens once at most, and not for the sake of an answer that is about something else. */
async function send<T>(parts: SessionParts, request: HttpRequest<T>, renew: Renew): Promise<T> {
  const { records, http, now } = parts;
  const tokens = await requireTokens(records);
  const sendWith = ({ accessToken: token }: TokensRecord) => http.request({ ...request, token });
  const sendRenewed = async () => sendWith(await renew(tokens).catch(toSignedOut));
  if (!isFresh(tokens, now())) return sendRenewed();
  try {
    return await sendWith(tokens);
  } catch (error) {
    if (!renewableCodes.some((code) => hasCode(error, code))) throw error;
  }
  return sendRenewed();
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

/**
 * Exchanges a refresh token, in the name of the session that it belongs to. Safe to repeat after a lost answer. How old an
 * answer is that was kept, for an earlier try or for a copy of the store, nobody knows: its tokens are as good as run out.
 */
export async function refreshTokens(
  http: Http,
  { accountId, refreshToken, refreshKey }: TokensRecord,
  nowMs: number,
  deviceSignature?: string,
): Promise<TokensRecord> {
  let isReplay = false;
  const { tokens } = await http.request({
    method: 'POST',
    path: '/api/v1/auth/refresh',
    answer: isRefreshResponse,
    body: { refreshToken, ...(deviceSignature === undefined ? {} : { deviceSignature }) },
    idempotencyKey: refreshKey,
    onReplay: () => {
      isReplay = true;
    },
  });
  const renewed = tokensToRecord(tokens, accountId, nowMs);
  return isReplay ? { ...renewed, accessExpiresAtMs: nowMs } : renewed;
}

/** Called with the lock of the session. What another tab has renewed is taken up. */
async function renewStored(parts: SessionParts, stale: TokensRecord): Promise<TokensRecord> {
  const { records, now } = parts;
  const current = await requireTokensOf(records, stale);
  if (current.refreshToken !== stale.refreshToken && isFresh(current, now())) return current;
  const renewed = await renewAndKeep(parts, current);
  // The next one is asked under a key of its own, so its answer is of now.
  return isFresh(renewed, now()) ? renewed : renewAndKeep(parts, renewed);
}

/**
 * A lease runs out while a tab is suspended, and another one goes on. What that one has renewed, or ended, is newer than an
 * answer that was on its way for so long.
 */
async function renewAndKeep(parts: SessionParts, current: TokensRecord): Promise<TokensRecord> {
  const { records } = parts;
  const renewed = await refreshOrReturn(parts, current);
  const isKept = await records.writeIf(recordKeys.tokens, current, [put(recordKeys.tokens, renewed)]);
  return isKept ? renewed : requireTokensOf(records, current);
}

/** Called with the lock of the session. */
async function endStored(parts: SessionParts, request: HttpRequest<unknown>): Promise<void> {
  const { records } = parts;
  const tokens = await records.read(recordKeys.tokens);
  await send(parts, request, (stale) => renewStored(parts, stale)).catch((error) => {
    // An earlier try whose answer was lost has ended it already.
    if (!endedCodes.some((code) => hasCode(error, code))) throw error;
  });
  if (tokens !== undefined) await forgetTokens(records, tokens.accountId);
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

/** Another tab may have signed in as somebody else: what was begun as one account never goes on as another. */
async function requireTokensOf(records: Records, { accountId }: TokensRecord): Promise<TokensRecord> {
  const tokens = await requireTokens(records);
  if (tokens.accountId === accountId) return tokens;
  throw signedOut();
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

/** Whoever stands on the way may answer 401 as well; a code of ours is the server's own word. */
function isUnauthorized(error: unknown): boolean {
  return error instanceof AlcoveError && error.status === 401 && error.code.startsWith('auth.');
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
