import * as wire from '@alcove/contract/account';
import { type Route, route } from '../../http/route.ts';
import type { Identity } from './index.ts';

const common = { tag: 'identity', caller: 'account', path: '/api/v1/auth/me' } as const;

export function accountRoutes(identity: Identity): Route[] {
  return [
    route(
      {
        ...common,
        method: 'PATCH',
        rate: 'write',
        idempotency: 'after',
        summary: 'Change my name or mail address',
        description:
          'A new address needs the password and takes effect when the code of the letter to it is brought to /auth/email/verify. The same address asks for another letter.',
        body: wire.UpdateMeRequest,
        success: { status: 200, body: wire.UpdateMeResponse, description: 'The account as it is now.' },
      },
      (ctx, { body }) => identity.updateProfile(ctx, body),
    ),
  ];
}
