/** `client.providers`: a workspace's own keys for outside services. They go in and never come out. */
import type { Api } from './api.ts';
import type { InWorkspace } from './api-keys.ts';
import type { Provider, SetLlmProviderRequest, SetTtsProviderRequest } from './openapi.ts';

/** Calls of a workspace's admins, and of API keys with `identity:read` or `identity:write`. */
export interface ProviderCalls {
  /**
   * Sets the key for a service that writes (`openai`, `anthropic`, …). It takes the place of the one that was there; the
   * answer shows its last four characters, and nothing ever shows more.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.account.signUp({ email: `p-${crypto.randomUUID()}@example.org`, password: 'wrote by candle light' });
   * const { hint } = await client.providers.setLlm({ provider: 'anthropic', apiKey: 'sk-ant-0123456789abcd' });
   * assert.equal(hint, 'abcd');
   * await client.providers.remove('llm', 'anthropic');
   * assert.deepEqual(await client.providers.list(), []);
   * ```
   */
  setLlm(provider: SetLlmProviderRequest, options?: InWorkspace): Promise<Provider>;
  /** Sets the key for a service that speaks (`elevenlabs`, `cartesia`, …). */
  setTts(provider: SetTtsProviderRequest, options?: InWorkspace): Promise<Provider>;
  /** The services that have a key, with its last four characters. */
  list(options?: InWorkspace): Promise<Provider[]>;
  remove(kind: Provider['kind'], provider: string, options?: InWorkspace): Promise<void>;
}

export function createProviders(api: Api): ProviderCalls {
  return {
    setLlm: (body, { workspaceId } = {}) => api('PATCH', '/api/v1/auth/providers/llm', { body, workspaceId }),
    setTts: (body, { workspaceId } = {}) => api('PATCH', '/api/v1/auth/providers/tts', { body, workspaceId }),
    async list({ workspaceId } = {}) {
      return (await api('GET', '/api/v1/auth/providers', { workspaceId })).data;
    },
    async remove(kind, provider, { workspaceId } = {}) {
      const params = { kind, provider };
      await api('DELETE', '/api/v1/auth/providers/{kind}/{provider}', { params, workspaceId });
    },
  };
}
