import { Strict, Uuid } from '@alcove/contract/common';
import { SessionList as SessionPage } from '@alcove/contract/sessions';
import Type from 'typebox';
import { type Route, route } from '../../http/route.ts';
import type { SessionList } from './session-list.ts';

const tag = 'identity';

export function sessionListRoutes(sessionList: SessionList): Route[] {
  return [
    route(
      {
        method: 'GET',
        path: '/api/v1/auth/sessions',
        tag,
        caller: 'account',
        rate: 'read',
        idempotency: 'none',
        summary: 'List where I am signed in',
        query: Strict({
          cursor: Type.Optional(Uuid),
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
        }),
        success: {
          status: 200,
          body: SessionPage,
          description: 'The sessions that stand, the newest first.',
        },
      },
      (ctx, { query }) => sessionList.list(ctx, query),
    ),
    route(
      {
        method: 'DELETE',
        path: '/api/v1/auth/sessions/:id',
        tag,
        caller: 'account',
        rate: 'write',
        idempotency: 'transaction',
        summary: 'End one of my sessions',
        params: Strict({ id: Uuid }),
        success: { status: 204, description: 'Ended; its tokens died at once.' },
      },
      (ctx, { params }) => sessionList.end(ctx, params.id),
    ),
  ];
}
