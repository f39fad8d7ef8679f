/** GitHub: plain OAuth 2, so who it is is asked for with the access token, which is then forgotten. */
import type { OAuthClient } from '../../../platform/config/index.ts';
import { normaliseEmail } from '../passwords/email.ts';
import { type Answer, askProvider, challengeOf } from './ask.ts';
import { providerFailed } from './errors.ts';
import { withQuery } from './google.ts';
import type { Provider } from './provider.ts';

export function createGithub(client: OAuthClient & { readonly apiBaseUrl: string }): Provider {
  return {
    authorizeUrl: async ({ state, codeVerifier, redirectUri }) =>
      withQuery(`${client.baseUrl}/login/oauth/authorize`, {
        client_id: client.clientId,
        redirect_uri: redirectUri,
        scope: 'read:user user:email',
        state,
        code_challenge: challengeOf(codeVerifier),
        code_challenge_method: 'S256',
      }),

    async identify({ code, codeVerifier, redirectUri, signal }) {
      const form = {
        client_id: client.clientId,
        client_secret: client.clientSecret.reveal(),
        code,
        code_verifier: codeVerifier,
        redirect_uri: redirectUri,
      };
      // What it refuses it refuses with status 200 and an `error`, and then there is no token.
      const tokens = await askProvider(`${client.baseUrl}/login/oauth/access_token`, { signal, form });
      const headers = {
        authorization: `Bearer ${tokens.getText('access_token')}`,
        accept: 'application/vnd.github+json',
        'x-github-api-version': '2022-11-28',
      };
      const [user, emails] = await Promise.all([
        askProvider(`${client.apiBaseUrl}/user`, { signal, headers }),
        askProvider(`${client.apiBaseUrl}/user/emails`, { signal, headers }),
      ]);
      return {
        subject: subjectOf(user),
        email: findPrimaryEmail(emails),
        name: (user.findText('name') ?? user.findText('login'))?.slice(0, 100),
      };
    },
  };
}

/** The number stays when people change their name; somebody else may then take the name. */
function subjectOf(user: Answer): string {
  const id = user.find('id');
  if (typeof id !== 'number' || !Number.isSafeInteger(id)) throw providerFailed('Its answer has no id.');
  return String(id);
}

function findPrimaryEmail(emails: Answer): string | undefined {
  const primary = emails
    .list()
    .find((email) => email.find('primary') === true && email.find('verified') === true);
  const address = primary?.findText('email');
  return address === undefined ? undefined : normaliseEmail(address);
}
