/** Google's sign-in as it really answers (OpenID Connect, with PKCE), which misbehaves on demand. */
import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { type HttpDouble, json, redirect, startHttpDouble } from './http.ts';

export type GoogleMood =
  | 'well'
  | 'denies'
  | 'hangs'
  | 'breaks'
  | 'talks nonsense'
  | 'another audience'
  | 'another issuer'
  | 'another nonce'
  | 'no nonce'
  | 'an expired token'
  | 'a key of its own making'
  | 'no signature';

export interface GooglePerson {
  readonly sub: string;
  readonly email: string;
  readonly email_verified: boolean;
  readonly name: string;
}

export interface GoogleDouble extends HttpDouble {
  mood: GoogleMood;
  /** Who sits at the browser and agrees. */
  person: GooglePerson;
}

export const googleClient = { id: 'google-client', secret: 'google-secret' };

interface Grant {
  readonly person: GooglePerson;
  readonly nonce: string;
  readonly challenge: string;
  readonly redirectUri: string;
}

export async function startGoogle(): Promise<GoogleDouble> {
  const [ours, foreign] = await Promise.all([createKey('ours'), createKey('ours')]);
  const grants = new Map<string, Grant>();

  async function issueToken({ person, nonce }: Grant): Promise<string> {
    const { mood } = double;
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: mood === 'another issuer' ? 'https://evil.example' : double.url,
      aud: mood === 'another audience' ? 'somebody-else' : googleClient.id,
      ...(mood === 'no nonce' ? {} : { nonce: mood === 'another nonce' ? 'stolen' : nonce }),
      iat: mood === 'an expired token' ? now - 7200 : now,
      exp: mood === 'an expired token' ? now - 3600 : now + 3600,
      ...person,
    };
    if (mood === 'no signature') return `${base64({ alg: 'none' })}.${base64(claims)}.`;
    const key = mood === 'a key of its own making' ? foreign : ours;
    return new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'ours' }).sign(key.privateKey);
  }

  async function exchange(request: IncomingMessage) {
    const form = new URLSearchParams(Buffer.concat(await request.toArray()).toString());
    const grant = grants.get(form.get('code') ?? '');
    grants.delete(form.get('code') ?? '');
    const isRight =
      grant !== undefined &&
      form.get('grant_type') === 'authorization_code' &&
      form.get('client_id') === googleClient.id &&
      form.get('client_secret') === googleClient.secret &&
      form.get('redirect_uri') === grant.redirectUri &&
      challengeOf(form.get('code_verifier') ?? '') === grant.challenge;
    if (!isRight) return json(400, { error: 'invalid_grant', error_description: 'Bad Request' });
    return json(200, {
      access_token: `ya29.${randomUUID()}`,
      expires_in: 3599,
      scope: 'openid email profile',
      token_type: 'Bearer',
      id_token: await issueToken(grant),
    });
  }

  function authorize(query: URLSearchParams) {
    const redirectUri = query.get('redirect_uri') ?? '';
    const state = query.get('state') ?? '';
    if (double.mood === 'denies') return redirect(redirectUri, { error: 'access_denied', state });
    const isWellFormed =
      query.get('client_id') === googleClient.id &&
      query.get('response_type') === 'code' &&
      query.get('code_challenge_method') === 'S256' &&
      (query.get('scope') ?? '').split(' ').includes('openid');
    if (!isWellFormed) return json(400, { error: 'invalid_request' });
    const code = `4/${randomUUID()}`;
    grants.set(code, {
      person: double.person,
      nonce: query.get('nonce') ?? '',
      challenge: query.get('code_challenge') ?? '',
      redirectUri,
    });
    return redirect(redirectUri, {
      state,
      code,
      scope: 'openid email profile',
      authuser: '0',
      prompt: 'consent',
    });
  }

  const server = await startHttpDouble(async (request, url) => {
    if (url.pathname === '/.well-known/openid-configuration') {
      return json(200, {
        issuer: double.url,
        authorization_endpoint: `${double.url}/o/oauth2/v2/auth`,
        token_endpoint: `${double.url}/token`,
        jwks_uri: `${double.url}/oauth2/v3/certs`,
      });
    }
    if (url.pathname === '/o/oauth2/v2/auth') return authorize(url.searchParams);
    if (url.pathname === '/oauth2/v3/certs') return json(200, { keys: [ours.publicJwk] });
    if (url.pathname !== '/token' || request.method !== 'POST') return json(404, {});
    if (double.mood === 'hangs') return undefined;
    if (double.mood === 'breaks') return json(503, { error: 'backend_error' });
    if (double.mood === 'talks nonsense') return { status: 200, headers: {}, body: '<html>' };
    return exchange(request);
  });
  const double: GoogleDouble = Object.assign(server, { mood: 'well' as const, person: createGooglePerson() });
  return double;
}

let people = 0;

export function createGooglePerson(): GooglePerson {
  people += 1;
  const sub = `1078${String(people).padStart(17, '0')}`;
  return { sub, email: `google-${people}@example.com`, email_verified: true, name: 'Ada Lovelace' };
}

async function createKey(kid: string) {
  const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg: 'RS256', use: 'sig' } };
}

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const challengeOf = (verifier: string) => createHash('sha256').update(verifier).digest('base64url');
