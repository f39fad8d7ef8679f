/** Access tokens (RFC 9068 in shape) and refresh tokens (RFC 9700, section 4.14: rotated, reuse ends the family). */
import { createHmac, type KeyObject } from 'node:crypto';
import type { Tokens } from '@alcove/contract/identity';
import { refreshProofText } from '@alcove/contract/keys';
import { errors as joseErrors, jwtVerify, SignJWT } from 'jose';
import { asSystem, type Ctx, type TxCtx } from '../../context.ts';
import { BoundedMap } from '../../platform/cache/index.ts';
import type { Clock } from '../../platform/clock/index.ts';
import { createToken, hashToken, type MasterKeys } from '../../platform/crypto/index.ts';
import type { Ids } from '../../platform/ids/index.ts';
import * as errors from './errors.ts';
import type { Sessions } from './sessions.ts';
import { isSignedBy } from './signatures.ts';
import type { SigningKeys } from './signing-keys.ts';
import * as store from './store.ts';
import type { Trail } from './trail.ts';

export interface AccessClaims {
  readonly accountId: string;
  readonly sessionId: string;
  readonly deviceId: string | undefined;
  readonly workspaceId: string;
}

export interface TokenService {
  /** Signs in a session that was just inserted in this transaction. */
  issue(ctx: TxCtx, session: store.SessionRow): Promise<Tokens>;
  refresh(ctx: Ctx, refreshToken: string, deviceSignature: string | undefined): Promise<Tokens>;
  /** The claims of a token that is genuine and has not expired; whether its session stands is asked elsewhere. */
  verify(accessToken: string): Promise<AccessClaims>;
}

interface TokenParts {
  readonly publicUrl: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly masterKeys: MasterKeys;
  readonly signingKeys: SigningKeys;
  readonly sessions: Sessions;
  readonly trail: Trail;
}

const audience = 'alcove';
const accessSeconds = 3600;
const refreshMs = 30 * 24 * 3_600_000;
const replayGraceMs = 10_000;
const clockToleranceSeconds = 5;
/** Checking a signature costs more than the rest of a small request, so a token is checked once and remembered. */
const rememberedMax = 20_000;

export function createTokens(parts: TokenParts): TokenService {
  const { clock } = parts;
  const verified = new BoundedMap<string, { claims: AccessClaims; expiresAtMs: number }>(rememberedMax);
  const [successorKey, ...olderKeys] = deriveAll(parts.masterKeys, 'refresh token successors');

  /** A successor follows from its parent, so that a replay can be given the same one though only hashes are stored. */
  const successorOf = (refreshToken: string, key = successorKey) =>
    createHmac('sha256', key).update(refreshToken).digest('base64url');

  async function insertRefresh(ctx: TxCtx, session: store.SessionRow, token: string, parent: Buffer | null) {
    const now = clock.now();
    const expiresAt = new Date(now + refreshMs);
    await store.insertRefreshToken(ctx, {
      hash: hashToken(token),
      account_id: session.account_id,
      session_id: session.id,
      parent_hash: parent,
      created_at: new Date(now),
      expires_at: expiresAt,
    });
    return expiresAt;
  }

  async function render(
    session: store.SessionRow,
    refreshToken: string,
    refreshExpiresAt: Date,
  ): Promise<Tokens> {
    return {
      accessToken: await signAccessToken(parts, session),
      refreshToken,
      tokenType: 'Bearer',
      expiresInSeconds: accessSeconds,
      refreshExpiresAt: refreshExpiresAt.toISOString(),
    };
  }

  /** Answers the successor and its expiry, or why there is none. */
  async function rotate(ctx: TxCtx, refreshToken: string, deviceSignature: string | undefined) {
    const row = await store.findRefreshToken(ctx, hashToken(refreshToken));
    if (row === undefined) throw errors.refreshInvalid();
    const session = await store.findLiveSession(ctx, row.session_id);
    if (session === undefined) throw errors.sessionEnded();
    if (row.expires_at.getTime() <= clock.now()) throw errors.refreshExpired();
    const proven = await isProvenByDevice(ctx, session, refreshToken, deviceSignature);
    const token = successorOf(refreshToken);
    if (row.used_at === null) {
      const expiresAt = await insertRefresh(ctx, session, token, row.hash);
      await store.markRefreshTokenUsed(ctx, row.hash, new Date(clock.now()));
      return { session, token, expiresAt };
    }
    const successor = await store.findSuccessor(ctx, row.hash);
    const inGrace = clock.now() - row.used_at.getTime() <= replayGraceMs;
    if (successor?.used_at === null && (inGrace || proven)) {
      const candidates = [token, ...olderKeys.map((key) => successorOf(refreshToken, key))];
      const known = candidates.find((candidate) => hashToken(candidate).equals(successor.hash));
      if (known !== undefined) return { session, token: known, expiresAt: successor.expires_at };
      // The master key that it followed from is gone: the one that follows from the present key takes its place.
      await store.deleteRefreshToken(ctx, successor.hash);
      return { session, token, expiresAt: await insertRefresh(ctx, session, token, row.hash) };
    }
    await parts.sessions.end(ctx, session.account_id, { sessionId: session.id });
    await parts.trail.record(ctx, session.account_id, {
      action: 'session.refresh_reused',
      target: { type: 'session', id: session.id },
    });
    return 'reused' as const;
  }

  return {
    async issue(ctx, session) {
      const refreshToken = createToken();
      return render(session, refreshToken, await insertRefresh(ctx, session, refreshToken, null));
    },

    async refresh(ctx, refreshToken, deviceSignature) {
      // The family has to die although the call fails, so the failure is thrown after the transaction.
      const outcome = await asSystem(ctx, (tx) => rotate(tx, refreshToken, deviceSignature));
      if (outcome === 'reused') throw errors.refreshReused();
      return render(outcome.session, outcome.token, outcome.expiresAt);
    },

    async verify(accessToken) {
      const known = verified.get(accessToken);
      if (known !== undefined && known.expiresAtMs > clock.now()) return known.claims;
      const checked = await verifyAccessToken(parts, accessToken);
      verified.set(accessToken, checked);
      return checked.claims;
    },
  };
}

function deriveAll([first, ...others]: MasterKeys, purpose: string): readonly [KeyObject, ...KeyObject[]] {
  return [first.derive(purpose), ...others.map((key) => key.derive(purpose))];
}

async function isProvenByDevice(
  ctx: TxCtx,
  session: store.SessionRow,
  refreshToken: string,
  signature: string | undefined,
): Promise<boolean> {
  if (signature === undefined || session.device_id === null) return false;
  const device = await store.findDevice(ctx, session.account_id, session.device_id);
  if (device !== undefined && isSignedBy(device.signing_key, refreshProofText(refreshToken), signature))
    return true;
  throw errors.badSignature();
}

function signAccessToken({ publicUrl, clock, ids, signingKeys }: TokenParts, session: store.SessionRow) {
  const { id, privateKey } = signingKeys.current();
  const issuedAt = Math.floor(clock.now() / 1000);
  const device = session.device_id === null ? {} : { did: session.device_id };
  return new SignJWT({ sid: session.id, wid: session.workspace_id, ...device })
    .setProtectedHeader({ alg: 'EdDSA', kid: id, typ: 'at+jwt' })
    .setIssuer(publicUrl)
    .setAudience(audience)
    .setSubject(session.account_id)
    .setJti(ids.uuid())
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + accessSeconds)
    .sign(privateKey);
}

/** Algorithm, key, type, issuer and audience are ours to say; nothing of them is taken from the token. */
async function verifyAccessToken({ publicUrl, clock, signingKeys }: TokenParts, accessToken: string) {
  try {
    const { payload } = await jwtVerify(accessToken, ({ kid }) => requireKey(signingKeys, kid), {
      algorithms: ['EdDSA'],
      issuer: publicUrl,
      audience,
      typ: 'at+jwt',
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(clock.now()),
      requiredClaims: ['sub', 'sid', 'wid', 'iat', 'exp', 'jti'],
    });
    const { sub, sid, wid, did, exp } = payload;
    return {
      claims: {
        accountId: String(sub),
        sessionId: String(sid),
        workspaceId: String(wid),
        deviceId: typeof did === 'string' ? did : undefined,
      },
      expiresAtMs: (exp ?? 0) * 1000,
    };
  } catch (error) {
    throw errors.invalidToken({
      detail: reasonOf(error),
      headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
    });
  }
}

function requireKey(signingKeys: SigningKeys, id: string | undefined) {
  const key = id === undefined ? undefined : signingKeys.find(id);
  if (key === undefined) throw new joseErrors.JWKSNoMatchingKey();
  return key;
}

function reasonOf(error: unknown): string {
  if (error instanceof joseErrors.JWTExpired) return 'The access token has expired; refresh it.';
  return 'The access token is not one of this service, or it was changed.';
}
