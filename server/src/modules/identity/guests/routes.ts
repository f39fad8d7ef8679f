import * as wire from '@alcove/contract/guests';
import { type Route, route } from '../../../http/route.ts';
import type { Guests } from './guests.ts';

const tag = 'identity';

export function guestRoutes(guests: Guests): Route[] {
  return [
    route(
      {
        method: 'POST',
        path: '/api/v1/auth/guest',
        tag,
        caller: 'anyone',
        rate: 'sign-in',
        idempotency: 'transaction',
        summary: 'Come in as a guest',
        description:
          'Makes an account with a workspace of its own and little room, which ends at `expiresAt` unless it is converted.',
        body: wire.GuestRequest,
        success: {
          status: 201,
          body: wire.GuestOpened,
          description: 'The guest, its workspace and its tokens.',
        },
      },
      (ctx, { body }) => guests.open(ctx, body),
    ),
    route(
      {
        method: 'POST',
        path: '/api/v1/auth/convert-session',
        tag,
        caller: 'account',
        rate: 'sign-in',
        idempotency: 'transaction',
        summary: 'Make a guest an account with a password',
        description: 'It keeps its id and everything it owns, and no longer ends by itself.',
        body: wire.ConvertRequest,
        success: { status: 200, body: wire.Converted, description: 'The same account, and new tokens.' },
      },
      (ctx, { body }) => guests.convert(ctx, body),
    ),
    route(
      {
        method: 'POST',
        path: '/api/v1/auth/guest/merge',
        tag,
        caller: 'account',
        rate: 'write',
        idempotency: 'transaction',
        summary: 'Take over what a guest has',
        description: 'Moves the workspaces of the guest into the account that calls. The guest ends.',
        body: wire.GuestMergeRequest,
        success: {
          status: 200,
          body: wire.GuestMerged,
          description: "The guest's workspace, now the account's.",
        },
      },
      (ctx, { body }) => guests.merge(ctx, body),
    ),
    route(
      {
        method: 'POST',
        path: '/api/v1/auth/initialize',
        tag,
        caller: 'anyone',
        rate: 'read',
        idempotency: 'none',
        summary: 'What an app has to know of its assistant before anybody has signed in',
        body: wire.InitializeRequest,
        success: { status: 200, body: wire.Initialized, description: 'The assistant and what it offers.' },
      },
      (ctx, { body }) => guests.initialize(ctx, body.assistantId),
    ),
  ];
}
