/** Access tokens (RFC 9068 in shape): of an account's session, or of an API key that lends a part of its rights. */
import { type JWTPayload, errors as joseErrors, jwtVerify, SignJWT } from 'jose';
import type { Ctx } from '../../context.ts';
import { BoundedMap } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock/index.ts';
import type { Ids } from '../../platform/ids/index.ts';
import * as errors from './errors.ts';
import type { SigningKeys } from './signing-keys.ts';
import type { SessionRow } from './store.ts';

export interface SessionClaims {
  readonly kind: 'account';
  readonly accountId: string;
  readonly sessionId: string;
  readonly deviceId: string | undefined;
  readonly workspaceId: string;
  readonly tokenExpiresAtMs: number;
}

export interface KeyClaims {
  readonly kind: 'key';
  readonly keyId: string;
  readonly publicId: string;
  /** Which of the key's secrets made the token. */
  readonly secretVersion: number;
  readonly workspaceId: string;
  readonly scopes: readonly string[];
}

export interface AccessTokens {
  signForSession(session: Omit<SessionRow, 'created_at' | 'last_seen_at' | 'user_agent'>): Promise<string>;
  signForKey(claims: Omit<KeyClaims, 'kind'>, ttlSeconds: number): Promise<string>;
  /** The claims of a token that is genuine and has not expired; whether its session or key stands is asked elsewhere. */
  verify(ctx: Ctx, accessToken: string): Promise<SessionClaims | KeyClaims>;
}

interface AccessTokenParts {
  readonly publicUrl: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly signingKeys: SigningKeys;
}

export const accessSeconds = 3600;
const audience = 'alcove';
const clockToleranceSeconds = 5;
/** Checking a signature costs more than the rest of a small request, so a token is checked once and remembered. */
const rememberedMax = 20_000;

interface Verified {
  readonly claims: SessionClaims | KeyClaims;
  readonly expiresAtMs: number;
}

export function createAccessTokens(parts: AccessTokenParts): AccessTokens {
  const verified = new BoundedMap<string, Verified>(rememberedMax);
  return {
    signForSession({ id, account_id, device_id, workspace_id }) {
      const device = device_id === null ? {} : { did: device_id };
      return sign(parts, account_id, { sid: id, wid: workspace_id, ...device }, accessSeconds);
    },

    signForKey({ keyId, publicId, secretVersion, workspaceId, scopes }, ttlSeconds) {
      const claims = { key: publicId, ver: secretVersion, wid: workspaceId, scope: scopes.join(' ') };
      return sign(parts, keyId, claims, ttlSeconds);
    },

    async verify(ctx, accessToken) {
      const known = verified.get(accessToken);
      if (known !== undefined && known.expiresAtMs > parts.clock.now()) return known.claims;
      const checked = await verify(ctx, parts, accessToken);
      verified.set(accessToken, checked);
      return checked.claims;
    },
  };
}

function sign(
  { publicUrl, clock, ids, signingKeys }: AccessTokenParts,
  subject: string,
  claims: JWTPayload,
  ttlSeconds: number,
): Promise<string> {
  const { id, privateKey } = signingKeys.current();
  const issuedAt = Math.floor(clock.now() / 1000);
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'EdDSA', kid: id, typ: 'at+jwt' })
    .setIssuer(publicUrl)
    .setAudience(audience)
    .setSubject(subject)
    .setJti(ids.uuid())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + ttlSeconds)
    .sign(privateKey);
}

/** Algorithm, key, type, issuer and audience are ours to say; nothing of them is taken from the token. */
async function verify(ctx: Ctx, parts: AccessTokenParts, accessToken: string): Promise<Verified> {
  const { publicUrl, clock, signingKeys } = parts;
  try {
    const { payload } = await jwtVerify(accessToken, ({ kid }) => requireKey(ctx, signingKeys, kid), {
      algorithms: ['EdDSA'],
      issuer: publicUrl,
      audience,
      typ: 'at+jwt',
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(clock.now()),
      requiredClaims: ['sub', 'wid', 'iat', 'exp', 'jti'],
    });
    return { claims: readClaims(payload), expiresAtMs: (payload.exp ?? 0) * 1000 };
  } catch (error) {
    throw errors.invalidToken({
      detail: reasonOf(error),
      headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
    });
  }
}

function readClaims({ sub, sid, wid, did, exp, key, ver, scope }: JWTPayload): SessionClaims | KeyClaims {
  const workspaceId = String(wid);
  if (typeof key === 'string') {
    const scopes = typeof scope === 'string' ? scope.split(' ') : [];
    return {
      kind: 'key',
      keyId: String(sub),
      publicId: key,
      secretVersion: Number(ver),
      workspaceId,
      scopes,
    };
  }
  if (typeof sid !== 'string' || !uuid.test(sid))
    throw new joseErrors.JWTInvalid('neither a session nor a key');
  const deviceId = typeof did === 'string' ? did : undefined;
  const tokenExpiresAtMs = Number(exp) * 1000;
  return { kind: 'account', accountId: String(sub), sessionId: sid, deviceId, workspaceId, tokenExpiresAtMs };
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

async function requireKey(ctx: Ctx, signingKeys: SigningKeys, id: string | undefined) {
  const key = id === undefined ? undefined : await signingKeys.find(ctx, id);
  if (key === undefined) throw new joseErrors.JWKSNoMatchingKey();
  return key;
}

function reasonOf(error: unknown): string {
  if (error instanceof joseErrors.JWTExpired) return 'The access token has expired; refresh it.';
  return 'The access token is not one of this service, or it was changed.';
}
