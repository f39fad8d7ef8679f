/** `client.services`: Google and GitHub as ways in. Each begins with a journey of the browser and a secret that stays here (as PKCE). */
import { toBase64Url } from '@alcove/contract/base64url';
import type { Api } from './api.ts';
import { AlcoveError } from './errors.ts';
import type { LinkedService } from './openapi.ts';
import { put, type Records, recordKeys, remove } from './records.ts';

export type Provider = LinkedService['provider'];

/** Where the browser is to go, and where it comes back to. */
export interface JourneyInput {
  readonly provider: Provider;
  /** One of the addresses that the server knows. It gets `?code=`. */
  readonly redirect: string;
}

export interface ServiceCalls {
  /** The services through which one may sign in to this account. */
  list(): Promise<LinkedService[]>;

  /**
   * Begins to add a service to this account: send the browser to the address that comes back. It returns to `redirect`
   * with `?code=` for `finishLink`.
   *
   * @example
   * ```ts
   * import assert from 'node:assert/strict';
   * import { createClient, memoryStorage } from '@alcove/client';
   *
   * await using client = await createClient({ url: 'http://127.0.0.1:8080', storage: memoryStorage() });
   * await client.register();
   * const { url } = await client.services.startLink({ provider: 'github', redirect: 'https://app.example/back' });
   * assert(url.includes('purpose=link'));
   * // location.assign(url); and on the page that it comes back to:
   * // await client.services.finishLink({ code: new URL(location.href).searchParams.get('code') ?? '' });
   * assert.deepEqual(await client.services.list(), []);
   * ```
   */
  startLink(input: JourneyInput): Promise<{ url: string }>;

  /**
   * Adds the service, in the store that began it. An account with a password is asked for it.
   *
   * Throws `auth.password_required`, `auth.wrong_password`, `oauth.code_invalid`, `oauth.identity_taken` (it is another
   * account's way in), `oauth.provider_linked` (one of each service at most), `oauth.guest_cannot_link`.
   */
  finishLink(input: { code: string; password?: string }): Promise<LinkedService>;

  /** Takes a service out of the account. Throws `oauth.last_way_in`, `oauth.identity_not_found`. */
  unlink(provider: Provider): Promise<void>;
}

export interface ServiceParts {
  readonly records: Records;
  readonly url: string;
  readonly api: Api;
}

export function createServices(parts: ServiceParts): ServiceCalls {
  const { records, api } = parts;
  return {
    list: async () => (await api('GET', '/api/v1/auth/identities')).data,
    startLink: (input) => startJourney(parts, input, { purpose: 'link' }),
    async finishLink(input) {
      const codeVerifier = await requireVerifier(records);
      const linked = await api('POST', '/api/v1/auth/identities', { body: { ...input, codeVerifier } });
      await records.write([remove(recordKeys.oauth)]);
      return linked;
    },
    async unlink(provider) {
      await api('DELETE', '/api/v1/auth/identities/{provider}', { params: { provider } });
    },
  };
}

export async function startJourney(
  { records, url }: Pick<ServiceParts, 'records' | 'url'>,
  { provider, redirect }: JourneyInput,
  more: Readonly<Record<string, string>> = {},
): Promise<{ url: string }> {
  const codeVerifier = toBase64Url(crypto.getRandomValues(new Uint8Array(32)));
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(codeVerifier));
  await records.write([put(recordKeys.oauth, codeVerifier)]);
  const codeChallenge = toBase64Url(new Uint8Array(digest));
  const query = new URLSearchParams({ redirect, codeChallenge, ...more });
  return { url: `${url.replace(/\/+$/, '')}/api/v1/auth/oauth/${provider}?${query}` };
}

export async function requireVerifier(records: Records): Promise<string> {
  const codeVerifier = await records.read(recordKeys.oauth);
  if (codeVerifier !== undefined) return codeVerifier;
  throw new AlcoveError('invalid_argument', 'This store has begun no journey to another service.');
}
