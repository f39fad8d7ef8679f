/** A client that acts as an API key: for servers and scripts, without a store. */
import { type Api, type ApiOperation, createApi } from './api.ts';
import { type AuditCalls, createAudit } from './audit.ts';
import { type ConnectionOptions, connect } from './connection.ts';
import type { KeyToken } from './openapi.ts';
import { createProviders, type ProviderCalls } from './providers.ts';
import { createSignRequest, type RequestSigning } from './signing.ts';
import { createWorkspaces, type WorkspaceCalls } from './workspaces.ts';

/** What `createClient` takes for an API key. */
export interface KeyClientOptions extends ConnectionOptions {
  /** The key, or a short-lived token that one made. */
  readonly apiKey: string;
  /** For a key that was made with `signing`: what it signs its requests with (RFC 9421). */
  readonly signing?: RequestSigning;
}

type KeyTokenInput = ApiOperation<'POST', '/api/v1/auth/token'>['body'];

/** One API key. What it may do is said by its scopes: without one a call throws `auth.scope_missing`. */
export interface KeyClient extends AsyncDisposable {
  /** Any call of the API by its method and path, with its input and answer typed. */
  readonly api: Api;
  readonly workspaces: WorkspaceCalls;
  readonly providers: ProviderCalls;
  readonly audit: AuditCalls;
  /**
   * Makes a short-lived token with the key, with fewer scopes if asked: to hand to a browser or a script that should not
   * hold the key. It ends with the key.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * const url = 'http://127.0.0.1:8080';
   * await using client = await createClient({ url, storage: memoryStorage() });
   * await client.account.signUp({ email: `t-${crypto.randomUUID()}@example.org`, password: 'a token of esteem' });
   * const { secret } = await client.keys.create({ name: 'Back end', scopes: ['*'] });
   *
   * await using backEnd = await createClient({ url, apiKey: secret });
   * const token = await backEnd.createToken({ scopes: ['workspaces:read'], ttlSeconds: 300 });
   * await using browser = await createClient({ url, apiKey: token.accessToken });
   * assert.equal((await browser.workspaces.list()).length, 1);
   * await assert.rejects(browser.audit.verify(), { code: 'auth.scope_missing' });
   * ```
   */
  createToken(input?: KeyTokenInput): Promise<KeyToken>;
  /** Ends what is under way. `await using` calls it too. */
  close(): Promise<void>;
}

export async function createKeyClient(options: KeyClientOptions): Promise<KeyClient> {
  const { apiKey, signing, now = Date.now } = options;
  const sign = signing === undefined ? undefined : await createSignRequest(apiKey, signing, now);
  const { http, closing } = connect(options, sign);
  const api = createApi({ request: (request) => http.request({ ...request, token: apiKey }) });
  const close = async () => closing.abort();
  return {
    api,
    close,
    [Symbol.asyncDispose]: close,
    workspaces: createWorkspaces(api),
    providers: createProviders(api),
    audit: createAudit(api),
    createToken: (body = {}) => api('POST', '/api/v1/auth/token', { body }),
  };
}
