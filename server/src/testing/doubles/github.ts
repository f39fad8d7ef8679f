/** GitHub's sign-in and the two calls of its API that say who somebody is, as they really answer; misbehaves on demand. */
import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type DoubleAnswer, type HttpDouble, json, redirect, startHttpDouble } from './http.ts';

export type GithubMood = 'well' | 'denies' | 'hangs' | 'breaks' | 'refuses the code' | 'names nobody';

export interface GithubPerson {
  readonly id: number;
  readonly login: string;
  readonly name: string | null;
  readonly emails: readonly { email: string; primary: boolean; verified: boolean }[];
}

export interface GithubDouble extends HttpDouble {
  mood: GithubMood;
  person: GithubPerson;
}

export const githubClient = { id: 'github-client', secret: 'github-secret' };

export async function startGithub(): Promise<GithubDouble> {
  const grants = new Map<string, { person: GithubPerson; challenge: string }>();
  const tokens = new Map<string, GithubPerson>();

  function authorize(query: URLSearchParams): DoubleAnswer {
    const [redirectUri, state] = [query.get('redirect_uri') ?? '', query.get('state') ?? ''];
    if (double.mood === 'denies') {
      return redirect(redirectUri, {
        error: 'access_denied',
        error_description: 'The user has denied',
        state,
      });
    }
    if (query.get('client_id') !== githubClient.id) return json(404, { message: 'Not Found' });
    const code = randomUUID().replaceAll('-', '').slice(0, 20);
    grants.set(code, { person: double.person, challenge: query.get('code_challenge') ?? '' });
    return redirect(redirectUri, { code, state });
  }

  async function exchange(request: IncomingMessage): Promise<DoubleAnswer> {
    const form = new URLSearchParams(Buffer.concat(await request.toArray()).toString());
    const grant = grants.get(form.get('code') ?? '');
    grants.delete(form.get('code') ?? '');
    const isRight =
      grant !== undefined &&
      double.mood !== 'refuses the code' &&
      form.get('client_id') === githubClient.id &&
      form.get('client_secret') === githubClient.secret &&
      createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url') === grant.challenge;
    if (!isRight) {
      return json(200, {
        error: 'bad_verification_code',
        error_description: 'The code passed is incorrect or expired.',
        error_uri: 'https://docs.github.com/',
      });
    }
    const token = `gho_${randomUUID().replaceAll('-', '')}`;
    tokens.set(token, grant.person);
    return json(200, { access_token: token, scope: 'read:user,user:email', token_type: 'bearer' });
  }

  function api(path: string, authorization = ''): DoubleAnswer {
    const person = tokens.get(authorization.replace(/^Bearer /, ''));
    if (person === undefined) return json(401, { message: 'Bad credentials', status: '401' });
    if (path === '/user/emails') {
      return json(
        200,
        person.emails.map((email) => ({ ...email, visibility: email.primary ? 'private' : null })),
      );
    }
    const { emails: _, ...user } = person;
    if (double.mood === 'names nobody') return json(200, { ...user, id: undefined });
    return json(200, { ...user, type: 'User', email: null });
  }

  const server = await startHttpDouble(async (request, url) => {
    if (url.pathname === '/login/oauth/authorize') return authorize(url.searchParams);
    if (double.mood === 'hangs') return undefined;
    if (double.mood === 'breaks') return json(502, {});
    if (url.pathname === '/login/oauth/access_token') return exchange(request);
    return api(url.pathname, request.headers.authorization);
  });
  const double: GithubDouble = Object.assign(server, { mood: 'well' as const, person: createGithubPerson() });
  return double;
}

let people = 0;

export function createGithubPerson(): GithubPerson {
  people += 1;
  return {
    id: 583_230 + people,
    login: `octocat-${people}`,
    name: 'Grace Hopper',
    emails: [
      { email: `old-${people}@example.com`, primary: false, verified: true },
      { email: `Github-${people}@Example.com`, primary: true, verified: true },
    ],
  };
}
