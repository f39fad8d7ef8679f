import { LinkedService, LinkedServices, LinkServiceRequest, OAuthProvider } from '@alcove/contract/account';
import { Strict } from '@alcove/contract/common';
import { type Route, route } from '../../../http/route.ts';
import type { Links } from './links.ts';

const common = { tag: 'identity', caller: 'account', path: '/api/v1/auth/identities' } as const;
const Provider = Strict({ provider: OAuthProvider });

export function linkRoutes(links: Links): Route[] {
  return [
    route(
      {
        ...common,
        method: 'GET',
        rate: 'read',
        idempotency: 'none',
        summary: 'Through which other services I may sign in',
        success: { status: 200, body: LinkedServices, description: 'One of each service at most.' },
      },
      (ctx) => links.list(ctx),
    ),
    route(
      {
        ...common,
        method: 'POST',
        rate: 'sign-in',
        idempotency: 'transaction',
        summary: 'Add another service to sign in through',
        description:
          'With the code of a sign-in that was begun with `purpose=link` and the secret behind its `codeChallenge`. ' +
          'An account with a password is asked for it.',
        body: LinkServiceRequest,
        success: { status: 201, body: LinkedService, description: 'The service, from now on a way in.' },
      },
      (ctx, { body }) => links.add(ctx, body),
    ),
    route(
      {
        ...common,
        method: 'DELETE',
        path: '/api/v1/auth/identities/:provider',
        rate: 'write',
        idempotency: 'transaction',
        summary: 'Sign in through that service no more',
        description: 'Not where it is the only way in.',
        params: Provider,
        success: { status: 204, description: 'Gone.' },
      },
      (ctx, { params }) => links.remove(ctx, params.provider),
    ),
  ];
}
