import * as wire from '@alcove/contract/account';
import { Challenge } from '@alcove/contract/identity';
import { Download, type Route, route } from '../../http/route.ts';
import type { Identity } from './index.ts';

const common = { tag: 'identity', caller: 'account', path: '/api/v1/auth/me' } as const;

export function accountRoutes(identity: Identity): Route[] {
  return [
    route(
      {
        ...common,
        method: 'PATCH',
        rate: 'write',
        idempotency: 'transaction',
        summary: 'Change my name or mail address',
        description:
          'A new address needs the password and takes effect when the code of the letter to it is brought to /auth/email/verify. The same address asks for another letter.',
        body: wire.UpdateMeRequest,
        success: { status: 200, body: wire.UpdateMeResponse, description: 'The account as it is now.' },
      },
      (ctx, { body }) => identity.updateProfile(ctx, body),
    ),
    route(
      {
        ...common,
        method: 'GET',
        path: '/api/v1/auth/me/export',
        rate: 'costly',
        idempotency: 'none',
        summary: 'Everything that is mine, as one archive',
        description:
          'What the service knows, as JSON, and the vault as lines of JSON: its content is ciphertext.',
        success: { status: 200, file: 'application/zip', description: 'A ZIP archive.' },
      },
      async (ctx) => new Download(await identity.exportMe(ctx), 'alcove-export.zip'),
    ),
    route(
      {
        ...common,
        method: 'POST',
        path: '/api/v1/auth/me/challenge',
        rate: 'sign-in',
        idempotency: 'transaction',
        summary: 'Get something to sign, to prove that the account is to be deleted',
        success: { status: 201, body: Challenge, description: 'Good for five minutes, once.' },
      },
      (ctx) => identity.deletion.challenge(ctx),
    ),
    route(
      {
        ...common,
        method: 'DELETE',
        rate: 'sign-in',
        idempotency: 'after',
        summary: 'Delete my account and everything that is mine alone',
        description:
          "With `password`, or with `challenge` and `signature`: the signature of this session's device over `alcove-account-deletion-v1`, newline, the challenge. Workspaces with nobody else in them go too; 409 names those that others would be left in without an owner. The vault follows within moments.",
        body: wire.DeleteMeRequest,
        success: { status: 202, body: wire.DeletionAccepted, description: 'Deleted; leftovers follow.' },
      },
      (ctx, { body }) => identity.deletion.deleteMe(ctx, body),
    ),
  ];
}
