/** API keys through the SDK: clients without a store, in a chosen workspace, with signed requests. */
import { type Client, createClient, type KeyClient, type KeyClientOptions } from '@alcove/client';
import { startTestServer, type TestServer } from '@alcove/server/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openClient } from './people.ts';

const publicUrl = 'http://alcove.test';
let server: TestServer;
let admin: Client;

beforeAll(async () => {
  server = await startTestServer({ env: { PUBLIC_URL: publicUrl } });
  admin = await openClient(server.url);
  await admin.account.signUp({ email: 'admin@example.org', password: 'the keys to the office' });
});
afterAll(async () => {
  await admin.close();
  await server.close();
});

/** A client that knows the server by its public name, as a signature has to. */
function openWith(apiKey: string, options: Partial<KeyClientOptions> = {}): Promise<KeyClient> {
  const viaName: typeof fetch = (url, init) => fetch(String(url).replace(publicUrl, server.url), init);
  return createClient({ url: publicUrl, apiKey, fetch: viaName, random: () => 0, ...options });
}

describe('an API key', () => {
  it('acts in its own workspace, as far as its scopes reach', async () => {
    const office = await admin.workspaces.create({ name: 'Office' });
    const options = { workspaceId: office.id };
    const { secret } = await admin.keys.create({ name: 'Clerk', scopes: ['workspaces:read'] }, options);
    await using clerk = await openWith(secret);
    expect((await clerk.workspaces.get(office.id)).name).toBe('Office');
    const personal = admin.account.current?.workspaceId ?? '';
    await expect(clerk.workspaces.get(personal)).rejects.toMatchObject({ code: 'workspace.not_found' });
    await expect(clerk.audit.verify()).rejects.toMatchObject({ code: 'auth.scope_missing', status: 403 });
    expect(await admin.keys.list(options)).toMatchObject([{ name: 'Clerk' }]);
    expect((await admin.keys.list()).map(({ name }) => name)).not.toContain('Clerk');
  });

  it('works beside its successor for as long as the rotation says, and not after it is revoked', async () => {
    const { id, secret } = await admin.keys.create({ name: 'Rotated', scopes: ['workspaces:read'] });
    const next = await admin.keys.rotate(id, { overlapSeconds: 60 });
    await using old = await openWith(secret);
    await using fresh = await openWith(next.secret);
    expect(await old.workspaces.list()).toEqual(await fresh.workspaces.list());
    await admin.keys.revoke(id);
    await expect(fresh.workspaces.list()).rejects.toMatchObject({ status: 401 });
  });

  it('lists what spans several pages, one page after the other', async () => {
    const requests: string[] = [];
    await using client = await openClient(server.url, {
      fetch: (url, init) => {
        requests.push(String(url));
        return fetch(url, init);
      },
    });
    await client.account.signUp({ email: 'pages@example.org', password: 'a book of many pages' });
    for (let at = 0; at < 60; at += 1) await client.keys.create({ name: `Key ${at}`, scopes: ['*'] });
    expect(new Set((await client.keys.list()).map(({ name }) => name)).size).toBe(60);
    expect(requests.filter((url) => url.includes('api-keys?cursor='))).toHaveLength(1);
    const times: string[] = [];
    for await (const { at } of client.audit.logs({ action: 'api_key.created' })) times.push(at);
    expect(times).toHaveLength(60);
    expect(times).toEqual(times.toSorted().reverse());
  });
});

describe('a key that signs', () => {
  const scopes = ['workspaces:read', 'workspaces:write', 'identity:write'] as const;

  async function withEd25519() {
    const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
    const { x = '' } = await crypto.subtle.exportKey('jwk', pair.publicKey);
    const privateKey = await crypto.subtle.exportKey('jwk', pair.privateKey);
    const publicKey = { kty: 'OKP', crv: 'Ed25519', x } as const;
    const asked = {
      name: 'Signer',
      scopes: [...scopes],
      signing: { algorithm: 'ed25519', publicKey } as const,
    };
    const { secret } = await admin.keys.create(asked);
    return { secret, signing: { algorithm: 'ed25519', privateKey } as const };
  }

  async function withSharedSecret() {
    const asked = { name: 'Signer', scopes: [...scopes], signing: { algorithm: 'hmac-sha256' } as const };
    const { secret, signingSecret = '' } = await admin.keys.create(asked);
    return { secret, signing: { algorithm: 'hmac-sha256', secret: signingSecret } as const };
  }

  it.each([
    ['Ed25519', withEd25519],
    ['a shared secret', withSharedSecret],
  ])('by %s may read and write, with bodies, queries and a chosen workspace', async (_what, make) => {
    const { secret, signing } = await make();
    await using client = await openWith(secret, { signing });
    const workspaceId = admin.account.current?.workspaceId ?? '';
    expect(await client.workspaces.list()).toHaveLength(1);
    const page = await client.api('GET', '/api/v1/workspaces', { query: { limit: 1 }, workspaceId });
    expect(page.data).toHaveLength(1);
    expect((await client.workspaces.rename(workspaceId, { name: 'Signed for' })).name).toBe('Signed for');
    await client.providers.setLlm({ provider: 'openai', apiKey: 'sk-0123456789abcdef' }, { workspaceId });
    await client.providers.remove('llm', 'openai');
  });

  it('is refused without its signature, and with that of another key', async () => {
    const { secret } = await withSharedSecret();
    const other = await withSharedSecret();
    await using unsigned = await openWith(secret);
    await expect(unsigned.workspaces.list()).rejects.toMatchObject({ code: 'signature.missing' });
    await using forged = await openWith(secret, { signing: other.signing });
    await expect(forged.workspaces.list()).rejects.toMatchObject({ code: 'signature.invalid' });
  });

  it('signs each try anew, so that a repetition is no replay', async () => {
    const { secret, signing } = await withSharedSecret();
    let tries = 0;
    const losing: typeof fetch = async (url, init) => {
      const response = await fetch(String(url).replace(publicUrl, server.url), init);
      tries += 1;
      if (tries === 1) throw new TypeError('fetch failed');
      return response;
    };
    await using client = await openWith(secret, { signing, fetch: losing });
    const workspaceId = admin.account.current?.workspaceId ?? '';
    expect((await client.workspaces.rename(workspaceId, { name: 'Twice' })).name).toBe('Twice');
    expect(tries).toBe(2);
  });

  it.each([
    ['a text that is no key', 'not-a-key', { algorithm: 'hmac-sha256', secret: 'AAAA' }],
    [
      'a secret that cannot be read',
      `alc_01234567_${'0'.repeat(49)}`,
      { algorithm: 'hmac-sha256', secret: '!' },
    ],
    ['a key that is none', `alc_01234567_${'0'.repeat(49)}`, { algorithm: 'ed25519', privateKey: {} }],
  ] as const)('is refused at once with %s', async (_what, apiKey, signing) => {
    await expect(openWith(apiKey, { signing })).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});
