/** `client.audit`: who did what in a workspace. */
import { type Api, type ApiOperation, eachOf } from './api.ts';
import type { InWorkspace } from './api-keys.ts';
import type { AuditEntry, AuditVerification } from './openapi.ts';

type Query = NonNullable<ApiOperation<'GET', '/api/v1/audit/logs'>['query']>;

/** Which entries are asked for: times (RFC 3339, `from` included, `to` not), actor, action, target. */
export type AuditFilter = Omit<Query, 'cursor' | 'limit'> & InWorkspace;

/** Calls of a workspace's admins, and of API keys with `audit:read`. */
export interface AuditCalls {
  /**
   * Every entry that fits, the newest first. Pages are fetched as the loop asks for them. Throws `auth.forbidden`.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.account.signUp({ email: `a-${crypto.randomUUID()}@example.org`, password: 'the book of accounts' });
   * await client.keys.create({ name: 'Clerk', scopes: ['workspaces:read'] });
   * for await (const { action, actor } of client.audit.logs({ action: 'api_key.created' })) {
   *   assert.deepEqual([action, actor], ['api_key.created', `account:${client.account.current?.id}`]);
   * }
   * assert((await client.audit.verify()).valid);
   * ```
   */
  logs(filter?: AuditFilter): AsyncGenerator<AuditEntry, void>;
  /** Computes the chain of hashes anew, and says where it breaks. */
  verify(options?: InWorkspace): Promise<AuditVerification>;
}

const pageEntries = 200;

export function createAudit(api: Api): AuditCalls {
  return {
    logs: ({ workspaceId, ...filter } = {}) =>
      eachOf((cursor) =>
        api('GET', '/api/v1/audit/logs', {
          query: { ...filter, ...cursor, limit: pageEntries },
          workspaceId,
        }),
      ),
    verify: ({ workspaceId } = {}) => api('GET', '/api/v1/audit/verify', { workspaceId }),
  };
}
