import * as wire from '@alcove/contract/account';
import { Strict } from '@alcove/contract/common';
import { Redirect, type Route, route } from '../../../http/route.ts';
import { flowSeconds, type OAuth } from './service.ts';

const common = { tag: 'identity', caller: 'anyone', rate: 'sign-in' } as const;
const Provider = Strict({ provider: wire.OAuthProvider });

export function oauthRoutes(oauth: OAuth, publicUrl: string): Route[] {
  const cookie = cookieOf(publicUrl);
  return [
    route(
      {
        ...common,
        method: 'GET',
        path: '/api/v1/auth/oauth/:provider',
        idempotency: 'none',
        summary: 'Sign in with Google or GitHub',
        description:
          'Open this in a browser. It comes back to `redirect` with `code`, to be exchanged within a minute, or with `error`.',
        params: Provider,
        query: wire.OAuthStartQuery,
        cookie: cookie.name,
        success: { status: 302, description: 'To the provider.' },
      },
      async (ctx, { params, query, cookie: known }) => {
        const { location, browser } = await oauth.start(ctx, { ...params, ...query, browser: known });
        return new Redirect(location, { 'Set-Cookie': cookie.set(browser) });
      },
    ),
    route(
      {
        ...common,
        method: 'GET',
        path: '/api/v1/auth/oauth/:provider/callback',
        idempotency: 'none',
        summary: 'Where the provider sends the browser back to',
        description: 'Goes on to the app that waits (302), or answers the tokens where none does.',
        params: Provider,
        query: wire.OAuthCallbackQuery,
        cookie: cookie.name,
        success: { status: 200, body: wire.SessionOpened, description: 'The account and its tokens.' },
      },
      async (ctx, { params, query, cookie: browser }) => {
        const result = await oauth.finish(ctx, { ...params, ...query, browser });
        return 'location' in result ? new Redirect(result.location) : result;
      },
    ),
    route(
      {
        ...common,
        method: 'POST',
        path: '/api/v1/auth/oauth/exchange',
        idempotency: 'transaction',
        summary: 'Exchange the code that the app got for tokens',
        body: wire.OAuthExchangeRequest,
        success: { status: 200, body: wire.SessionOpened, description: 'The account and its tokens.' },
      },
      (ctx, { body }) => oauth.exchange(ctx, body),
    ),
  ];
}

/** Under TLS the `__Host-` prefix (RFC 6265bis, section 4.1.3.2) keeps sister hosts from planting a cookie of theirs. */
function cookieOf(publicUrl: string) {
  const isSecure = publicUrl.startsWith('https:');
  const name = isSecure ? '__Host-alcove-oauth' : 'alcove-oauth';
  const attributes = `Path=/; HttpOnly; SameSite=Lax; Max-Age=${flowSeconds}${isSecure ? '; Secure' : ''}`;
  return { name, set: (value: string) => `${name}=${value}; ${attributes}` };
}
