/**
 * Which keys work. Asked of the database on every request with one: whatever ends a key, its owner, another node or the end
 * of its workspace, is so known at once, and a member's role is asked for on every request as well.
 */
import { timingSafeEqual } from 'node:crypto';
import { asSystem, type Ctx, type KeyActor } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import { type Envelope, hashToken } from '../../../platform/crypto/index.ts';
import type { KeyClaims } from '../access-tokens.ts';
import * as errors from '../errors.ts';
import * as store from './api-key-store.ts';
import { readPublicId } from './format.ts';
import { openSigning } from './signing.ts';

export interface LiveKeys {
  /** Who acts with this key; throws `auth.invalid_key` for every text that is not a working key. */
  requireKey(ctx: Ctx, keyText: string): Promise<KeyActor>;
  /** Who acts with a token that a key made; it lives no longer than the key and the secret that made it. */
  requireKeyOfToken(ctx: Ctx, claims: KeyClaims): Promise<KeyActor>;
  /** The row of a key that works. */
  find(ctx: Ctx, publicId: string): Promise<store.ApiKeyRow | undefined>;
  /** Writes down when keys were last used; called from time to time, since once a request would be far too often. */
  flushUsed(ctx: Ctx): Promise<void>;
}

const minuteMs = 60_000;

export function createLiveKeys(parts: { readonly clock: Clock; readonly envelope: Envelope }): LiveKeys {
  const { clock, envelope } = parts;
  let used = new Set<string>();

  async function find(ctx: Ctx, publicId: string | undefined): Promise<store.ApiKeyRow | undefined> {
    if (publicId === undefined) return undefined;
    const row = await asSystem(ctx, (tx) => store.findByPublicId(tx, publicId));
    return row === undefined || hasPassed(row.expires_at, clock.now()) ? undefined : row;
  }

  type Shown = Pick<KeyActor, 'secretVersion' | 'scopes' | 'credential'>;
  function use(row: store.ApiKeyRow, shown: Shown): KeyActor {
    used.add(row.id);
    const { id: keyId, workspace_id: workspaceId, public_id: publicId } = row;
    return { kind: 'key', keyId, workspaceId, publicId, signing: openSigning(envelope, row), ...shown };
  }

  return {
    find,

    async requireKey(ctx, keyText) {
      const row = await find(ctx, readPublicId(keyText));
      const secretVersion = row === undefined ? undefined : findVersion(row, hashToken(keyText), clock.now());
      // One answer for every wrong key: which part was wrong is nobody's business.
      if (row === undefined || secretVersion === undefined)
        throw errors.invalidApiKey({ headers: challenge });
      return use(row, { secretVersion, scopes: row.scopes, credential: 'secret' });
    },

    async requireKeyOfToken(ctx, { publicId, keyId, secretVersion, scopes }) {
      const row = await find(ctx, publicId);
      if (row?.id !== keyId || !worksStill(row, secretVersion, clock.now()))
        throw errors.keyRevoked({ headers: challenge });
      return use(row, { secretVersion, scopes, credential: 'token' });
    },

    async flushUsed(ctx) {
      if (used.size === 0) return;
      const flushed = used;
      used = new Set();
      const minute = new Date(Math.floor(clock.now() / minuteMs) * minuteMs);
      await asSystem(ctx, (tx) => store.recordKeysUsed(tx, [...flushed], minute));
    },
  };
}

const challenge = { 'WWW-Authenticate': 'Bearer error="invalid_token"' };

/** Which of the key's secrets has this hash, among those that work. */
function findVersion(row: store.ApiKeyRow, hash: Buffer, nowMs: number): number | undefined {
  if (timingSafeEqual(hash, row.secret_hash)) return row.secret_version;
  const isPrevious = row.previous_hash !== null && timingSafeEqual(hash, row.previous_hash);
  const version = row.secret_version - 1;
  return isPrevious && worksStill(row, version, nowMs) ? version : undefined;
}

function worksStill(row: store.ApiKeyRow, version: number, nowMs: number): boolean {
  if (version === row.secret_version) return true;
  const overlaps = row.previous_expires_at !== null && !hasPassed(row.previous_expires_at, nowMs);
  return version === row.secret_version - 1 && overlaps;
}

const hasPassed = (at: Date | null, nowMs: number) => at !== null && at.getTime() <= nowMs;
