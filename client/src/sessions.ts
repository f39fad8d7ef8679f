/** `client.sessions`: where the account is signed in. */
import { type Api, allOf } from './api.ts';
import type { ListedSession } from './openapi.ts';

export interface SessionCalls {
  /**
   * Every session of the account, the newest first.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * const url = 'http://127.0.0.1:8080';
   * const credentials = { email: `l-${crypto.randomUUID()}@example.org`, password: 'lay long in bed' };
   * await using laptop = await createClient({ url, storage: memoryStorage() });
   * await using phone = await createClient({ url, storage: memoryStorage() });
   * await laptop.account.signUp(credentials);
   * await phone.account.signIn(credentials);
   *
   * const other = (await laptop.sessions.list()).find(({ current }) => !current);
   * await laptop.sessions.end(other?.id ?? '');
   * await assert.rejects(phone.account.get(), { code: 'auth.signed_out' });
   * ```
   */
  list(): Promise<ListedSession[]>;
  /** Ends one session at once. Throws `session.not_found`. */
  end(id: string): Promise<void>;
}

export function createSessions(api: Api): SessionCalls {
  return {
    list: () => allOf((cursor) => api('GET', '/api/v1/auth/sessions', { query: cursor })),
    async end(id) {
      await api('DELETE', '/api/v1/auth/sessions/{id}', { params: { id } });
    },
  };
}
