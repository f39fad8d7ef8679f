/** Keys that act for a workspace: made, listed, rotated and taken back by its admins. */
import type { ApiKey, ApiKeyList, ApiKeyRequest, ApiKeyWithSecret } from '@alcove/contract/api-keys';
import { type AccountActor, type Ctx, inTransaction, type TxCtx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import { type Envelope, hashToken } from '../../../platform/crypto/index.ts';
import type { Ids } from '../../../platform/ids/index.ts';
import type { Audit, AuditRecord } from '../../audit/index.ts';
import * as errors from '../errors.ts';
import * as store from './api-key-store.ts';
import { createKeyText, createPublicId, hintOf, prefixOf } from './format.ts';
import { createSigning } from './signing.ts';

export interface ApiKeys {
  create(ctx: Ctx<AccountActor>, request: ApiKeyRequest): Promise<ApiKeyWithSecret>;
  list(ctx: Ctx<AccountActor>, page: { cursor?: string; limit?: number }): Promise<ApiKeyList>;
  /** Gives the key another secret; the old one works for `overlapSeconds` more. */
  rotate(ctx: Ctx<AccountActor>, id: string, overlapSeconds: number): Promise<ApiKeyWithSecret>;
  revoke(ctx: Ctx<AccountActor>, id: string): Promise<void>;
}

const pageDefault = 50;

export function createApiKeys(parts: {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly audit: Audit;
  readonly envelope: Envelope;
}): ApiKeys {
  const { clock, ids, audit, envelope } = parts;
  const record = (tx: TxCtx, action: AuditRecord['action'], id: string, detail: AuditRecord['detail'] = {}) =>
    audit.record(tx, { action, target: { type: 'api_key', id }, detail });

  return {
    create(ctx, { name, scopes, expiresAt, signing: asked }) {
      const now = clock.now();
      const expiry = expiresAt === undefined ? null : new Date(expiresAt);
      if (expiry !== null && expiry.getTime() <= now) throw errors.keyExpiryPast();
      const publicId = createPublicId();
      const secret = createKeyText(publicId);
      const id = ids.uuid();
      const { row: signing, ...shown } = createSigning(envelope, id, asked);
      return inTransaction(ctx, async (tx) => {
        const row = {
          ...signing,
          id,
          workspace_id: tx.actor.workspaceId,
          public_id: publicId,
          name,
          scopes: [...scopes].sort(),
          hint: hintOf(secret),
          secret_hash: hashToken(secret),
          created_by: tx.actor.accountId,
          created_at: new Date(now),
          expires_at: expiry,
        };
        await store.insertApiKey(tx, row);
        await record(tx, 'api_key.created', row.id, {
          prefix: prefixOf(publicId),
          scopes: row.scopes.join(' '),
          ...(asked === undefined ? {} : { signing: asked.algorithm }),
        });
        return { ...renderCommon(row), secret, previousSecretExpiresAt: null, ...shown };
      });
    },

    list: (ctx, { cursor, limit = pageDefault }) =>
      inTransaction(ctx, async (tx) => {
        // One row more than asked for tells whether there is another page.
        const rows = await store.listApiKeys(tx, tx.actor.workspaceId, { after: cursor, limit: limit + 1 });
        const page = rows.slice(0, limit);
        const data = page.map((row) => render(row, clock.now()));
        return { data, nextCursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null };
      }),

    rotate: (ctx, id, overlapSeconds) =>
      inTransaction(ctx, async (tx) => {
        const row = await store.lockApiKey(tx, tx.actor.workspaceId, id);
        if (row === undefined) throw errors.keyNotFound();
        const secret = createKeyText(row.public_id);
        const previousExpiresAt = overlapSeconds === 0 ? null : new Date(clock.now() + overlapSeconds * 1000);
        await store.replaceSecret(tx, id, {
          hash: hashToken(secret),
          hint: hintOf(secret),
          previousExpiresAt,
        });
        await record(tx, 'api_key.rotated', id, { overlapSeconds });
        return {
          ...renderCommon(row),
          secret,
          previousSecretExpiresAt: previousExpiresAt?.toISOString() ?? null,
        };
      }),

    revoke: (ctx, id) =>
      inTransaction(ctx, async (tx) => {
        if (!(await store.deleteApiKey(tx, tx.actor.workspaceId, id))) throw errors.keyNotFound();
        await record(tx, 'api_key.revoked', id);
      }),
  };
}

type Common = Pick<
  store.ApiKeyRow,
  'id' | 'name' | 'public_id' | 'scopes' | 'signing' | 'created_at' | 'expires_at'
>;

function renderCommon(row: Common) {
  return {
    id: row.id,
    name: row.name,
    prefix: prefixOf(row.public_id),
    scopes: [...row.scopes],
    signing: row.signing === null ? null : { algorithm: row.signing.algorithm },
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
  };
}

function render(row: store.ApiKeyRow, nowMs: number): ApiKey {
  const previous = row.previous_expires_at;
  return {
    ...renderCommon(row),
    hint: row.hint,
    createdBy: row.created_by,
    lastUsedAt: row.last_used_at?.toISOString() ?? null,
    previousSecretExpiresAt: previous === null || previous.getTime() <= nowMs ? null : previous.toISOString(),
  };
}
