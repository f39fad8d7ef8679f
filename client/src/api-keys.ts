/** `client.keys`: API keys, which act for a workspace without being a person. */
import { type Api, allOf } from './api.ts';
import type { ApiKey, ApiKeyRequest, ApiKeyWithSecret } from './openapi.ts';

/** Which workspace a call is about; the personal one where it is left out. */
export interface InWorkspace {
  readonly workspaceId?: string;
}

/** Calls of a workspace's admins about its API keys. */
export interface KeyCalls {
  /**
   * Makes a key. Its `secret` is in this answer and nowhere else; whoever has it acts as the workspace, as far as the
   * scopes reach. Throws `auth.forbidden`, `request.invalid`, `api_key.expiry_past`.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * const url = 'http://127.0.0.1:8080';
   * await using client = await createClient({ url, storage: memoryStorage() });
   * await client.account.signUp({ email: `k-${crypto.randomUUID()}@example.org`, password: 'a key to the closet' });
   * const key = await client.keys.create({ name: 'Nightly report', scopes: ['audit:read'] });
   *
   * await using report = await createClient({ url, apiKey: key.secret });
   * for await (const { action } of report.audit.logs()) assert.equal(typeof action, 'string');
   *
   * const next = await client.keys.rotate(key.id, { overlapSeconds: 3600 }); // the old secret works for an hour more
   * assert.notEqual(next.secret, key.secret);
   * await client.keys.revoke(key.id);
   * assert.deepEqual(await client.keys.list(), []);
   * ```
   */
  create(key: ApiKeyRequest, options?: InWorkspace): Promise<ApiKeyWithSecret>;
  /** The keys of the workspace, without their secrets. */
  list(options?: InWorkspace): Promise<ApiKey[]>;
  /** Gives a key another secret; the old one works for `overlapSeconds` more (default 0). Throws `api_key.not_found`. */
  rotate(id: string, options?: InWorkspace & { overlapSeconds?: number }): Promise<ApiKeyWithSecret>;
  /** Ends a key and its tokens at once. */
  revoke(id: string, options?: InWorkspace): Promise<void>;
}

export function createKeys(api: Api): KeyCalls {
  return {
    create: (body, { workspaceId } = {}) => api('POST', '/api/v1/auth/api-keys', { body, workspaceId }),
    list: ({ workspaceId } = {}) =>
      allOf((query) => api('GET', '/api/v1/auth/api-keys', { query, workspaceId })),
    rotate: (id, { workspaceId, ...body } = {}) =>
      api('POST', '/api/v1/auth/api-keys/{id}/rotate', { params: { id }, body, workspaceId }),
    async revoke(id, { workspaceId } = {}) {
      await api('DELETE', '/api/v1/auth/api-keys/{id}', { params: { id }, workspaceId });
    },
  };
}
