/** Refresh tokens (RFC 9700, section 4.14): rotated, and a reuse ends the family. */
import { createHmac, type KeyObject } from 'node:crypto';
import type { Tokens } from '@alcove/contract/identity';
import { refreshProofText } from '@alcove/contract/keys';
import { asSystem, type Ctx, type TxCtx } from '../../context.ts';
import type { Clock } from '../../platform/clock/index.ts';
import { createToken, hashToken, type MasterKeys } from '../../platform/crypto/index.ts';
import { type AccessTokens, accessSeconds } from './access-tokens.ts';
import * as errors from './errors.ts';
import type { Sessions } from './sessions.ts';
import { isSignedBy } from './signatures.ts';
import * as store from './store.ts';
import type { Trail } from './trail.ts';

export interface TokenService {
  /** Signs in a session that was just inserted in this transaction. */
  issue(ctx: TxCtx, session: store.SessionRow): Promise<Tokens>;
  refresh(ctx: Ctx, refreshToken: string, deviceSignature: string | undefined): Promise<Tokens>;
}

interface TokenParts {
  readonly clock: Clock;
  readonly masterKeys: MasterKeys;
  readonly accessTokens: AccessTokens;
  readonly sessions: Sessions;
  readonly trail: Trail;
}

const refreshMs = 30 * 24 * 3_600_000;
const replayGraceMs = 10_000;

export function createTokens(parts: TokenParts): TokenService {
  const { clock } = parts;
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
      accessToken: await parts.accessTokens.signForSession(session),
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
