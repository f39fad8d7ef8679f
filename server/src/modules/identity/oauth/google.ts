/** Google, or whoever else speaks OpenID Connect (Core 1.0, section 3.1) under that base address. */
import { createLocalJWKSet, type JWTPayload, errors as joseErrors, jwtVerify } from 'jose';
import type { Clock } from '../../../platform/clock/index.ts';
import type { OAuthClient } from '../../../platform/config/index.ts';
import { normaliseEmail } from '../passwords/email.ts';
import { type Answer, askProvider, challengeOf } from './ask.ts';
import { providerFailed } from './errors.ts';
import type { Identified, Provider } from './provider.ts';

const rememberedMs = 3_600_000;
const clockToleranceSeconds = 60;

export function createGoogle(client: OAuthClient, { clock }: { readonly clock: Clock }): Provider {
  const remember = createMemory(clock);
  const discover = (signal: AbortSignal) =>
    remember('discovery', () =>
      askProvider(`${client.baseUrl}/.well-known/openid-configuration`, { signal }),
    );

  async function findKeys(address: string, signal: AbortSignal, isFresh: boolean) {
    const answer = await remember('keys', () => askProvider(address, { signal }), isFresh);
    const keys = answer.find('keys');
    return createLocalJWKSet({ keys: Array.isArray(keys) ? keys : [] });
  }

  async function verify(idToken: string, nonce: string, keysAddress: string, signal: AbortSignal) {
    const options = {
      algorithms: ['RS256', 'ES256'],
      issuer: client.baseUrl,
      audience: client.clientId,
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(clock.now()),
      requiredClaims: ['sub', 'exp', 'iat', 'nonce'],
    };
    const check = async (isFresh: boolean) =>
      (await jwtVerify(idToken, await findKeys(keysAddress, signal, isFresh), options)).payload;
    const payload = await check(false).catch((error: unknown) => {
      // The keys may have been changed since they were read.
      if (error instanceof joseErrors.JWKSNoMatchingKey) return check(true);
      throw error;
    });
    if (payload.nonce !== nonce) throw new Error('the nonce is of another sign-in');
    return payload;
  }

  return {
    async authorizeUrl({ state, nonce, codeVerifier, redirectUri }) {
      const discovery = await discover(new AbortController().signal);
      return withQuery(discovery.getText('authorization_endpoint'), {
        response_type: 'code',
        client_id: client.clientId,
        redirect_uri: redirectUri,
        scope: 'openid email profile',
        state,
        nonce,
        code_challenge: challengeOf(codeVerifier),
        code_challenge_method: 'S256',
      });
    },

    async identify({ code, nonce, codeVerifier, redirectUri, signal }) {
      const discovery = await discover(signal);
      if (discovery.findText('issuer') !== client.baseUrl)
        throw providerFailed('It says that it is somebody else.');
      const form = {
        grant_type: 'authorization_code',
        code,
        code_verifier: codeVerifier,
        redirect_uri: redirectUri,
        client_id: client.clientId,
        client_secret: client.clientSecret.reveal(),
      };
      const tokens = await askProvider(discovery.getText('token_endpoint'), { signal, form });
      const idToken = tokens.getText('id_token');
      try {
        return render(await verify(idToken, nonce, discovery.getText('jwks_uri'), signal));
      } catch (cause) {
        throw providerFailed({ detail: 'Its identity token does not hold.', cause });
      }
    },
  };
}

function render({ sub = '', email, email_verified: isVerified, name }: JWTPayload): Identified {
  return {
    subject: sub,
    email: isVerified === true && typeof email === 'string' ? normaliseEmail(email) : undefined,
    name: typeof name === 'string' && name !== '' ? name.slice(0, 100) : undefined,
  };
}

/** Keeps answers for an hour. A failed question is asked again. */
function createMemory(clock: Clock) {
  const known = new Map<string, { answer: Answer; until: number }>();
  return async (name: string, ask: () => Promise<Answer>, isFresh = false): Promise<Answer> => {
    const remembered = known.get(name);
    if (!isFresh && remembered !== undefined && remembered.until > clock.now()) return remembered.answer;
    const answer = await ask();
    known.set(name, { answer, until: clock.now() + rememberedMs });
    return answer;
  };
}

export function withQuery(address: string, query: Readonly<Record<string, string>>): string {
  const url = new URL(address);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}
