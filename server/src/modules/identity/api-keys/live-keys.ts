/** Which keys work. Asked on every request with one, so rows are kept in memory and forgotten when a key is changed. */
import { timingSafeEqual } from 'node:crypto';
import { asSystem, type Ctx, type KeyActor, type TxCtx } from '../../../context.ts';
import { BoundedMap } from '../../../platform/cache/index.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import { hashToken } from '../../../platform/crypto/index.ts';
import type { KeyClaims } from '../access-tokens.ts';
import * as errors from '../errors.ts';
import * as store from './api-key-store.ts';
import { readPublicId } from './format.ts';

export interface LiveKeys {
  /** Who acts with this key; throws `auth.invalid_key` for every text that is not a working key. */
  requireKey(ctx: Ctx, keyText: string): Promise<KeyActor>;
  /** Who acts with a token that a key made; it lives no longer than the key and the secret that made it. */
  requireKeyOfToken(ctx: Ctx, claims: KeyClaims): Promise<KeyActor>;
  /** The row of a key that works. */
  find(ctx: Ctx, publicId: string): Promise<store.ApiKeyRow | undefined>;
  /** Asks for the key anew from its next use on, once the transaction is committed. */
  forget(ctx: TxCtx, publicId: string): void;
  /** The same, told by another node. */
  forgetNow(publicId: string): void;
  /** Another node may have changed any key: asks for all of them anew. */
  forgetAll(): void;
  /** Writes down when keys were last used; called from time to time, since once a request would be far too often. */
  flushUsed(ctx: Ctx): Promise<void>;
}

const rememberedMax = 20_000;
const minuteMs = 60_000;

export function createLiveKeys({ clock }: { readonly clock: Clock }): LiveKeys {
  let rows = new BoundedMap<string, Promise<store.ApiKeyRow | undefined>>(rememberedMax);
  let used = new Set<string>();

  function findRow(ctx: Ctx, publicId: string): Promise<store.ApiKeyRow | undefined> {
    const known = rows.get(publicId);
    if (known !== undefined) return known;
    const asked = asSystem(ctx, (tx) => store.findByPublicId(tx, publicId));
    rows.set(publicId, asked);
    const drop = () => {
      if (rows.get(publicId) === asked) rows.delete(publicId);
    };
    // Only a key that is there is worth remembering: others could be made up without end.
    asked.then((row) => row ?? drop(), drop);
    return asked;
  }

  async function findWorking(ctx: Ctx, publicId: string | undefined) {
    const row = publicId === undefined ? undefined : await findRow(ctx, publicId);
    return row === undefined || hasPassed(row.expires_at, clock.now()) ? undefined : row;
  }

  type Shown = Pick<KeyActor, 'secretVersion' | 'scopes' | 'credential'>;
  function use({ id, workspace_id, public_id }: store.ApiKeyRow, shown: Shown): KeyActor {
    used.add(id);
    return { kind: 'key', keyId: id, workspaceId: workspace_id, publicId: public_id, ...shown };
  }

  return {
    async requireKey(ctx, keyText) {
      const row = await findWorking(ctx, readPublicId(keyText));
      const version = row === undefined ? undefined : findVersion(row, hashToken(keyText), clock.now());
      if (row === undefined || version === undefined) throw refused();
      return use(row, { secretVersion: version, scopes: row.scopes, credential: 'secret' });
    },

    async requireKeyOfToken(ctx, claims) {
      const row = await findWorking(ctx, claims.publicId);
      const stands = row?.id === claims.keyId && worksStill(row, claims.secretVersion, clock.now());
      if (row === undefined || !stands) throw errors.keyRevoked({ headers: challenge });
      const { secretVersion, scopes } = claims;
      return use(row, { secretVersion, scopes, credential: 'token' });
    },

    find: findWorking,

    forget: (ctx, publicId) => ctx.afterCommit(() => rows.delete(publicId)),
    forgetNow: (publicId) => rows.delete(publicId),
    forgetAll: () => {
      rows = new BoundedMap(rememberedMax);
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
/** One answer for every wrong key: which part was wrong is nobody's business. */
const refused = () => errors.invalidApiKey({ headers: challenge });

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
