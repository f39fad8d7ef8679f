import { SignedIn } from '@alcove/contract/identity';
import { RecoverRequest } from '@alcove/contract/recovery';
import { type Route, route } from '../../../http/route.ts';
import type { Identity } from '../index.ts';

export function recoveryRoutes(identity: Pick<Identity, 'recover'>): Route[] {
  return [
    route(
      {
        method: 'POST',
        path: '/api/v1/auth/recover',
        tag: 'identity',
        caller: 'anyone',
        rate: 'sign-in',
        idempotency: 'transaction',
        summary: 'Sign in a new device with the recovery key',
        description:
          'The challenge is one for `memberId` from /auth/challenges. The signature covers `alcove-recovery-v1`, that id, the challenge ' +
          'and the fingerprint of the new device, joined by newlines. GET /sync/keys then has the shares of the recovery key, and ' +
          'PUT /sync/keys takes the entry of the new device as the recovery key signs it.',
        body: RecoverRequest,
        success: {
          status: 200,
          body: SignedIn,
          description: 'The account, the new device, which is still to be admitted, and its tokens.',
        },
      },
      (ctx, { body }) => identity.recover(ctx, body),
    ),
  ];
}
