import {
  PullQuery,
  PullRequest,
  PullResponse,
  PushRequest,
  PushResponse,
  syncLimits,
} from '@alcove/contract';
import { invalidBody, JsonText, malformedJson, Reply, type Route, route } from '../../http/route.ts';
import type { SyncService } from './service.ts';

const pullSuccess = {
  status: 200,
  body: PullResponse,
  description: 'A page of items, each as it is now. The cursor is where the next page begins.',
} as const;

export function syncRoutes(sync: SyncService): Route[] {
  return [
    route(
      {
        method: 'POST',
        path: '/api/v1/sync/push',
        tag: 'sync',
        summary: 'Push changes',
        description:
          'Takes up to 500 changes and answers one result for each, in their order. What is acknowledged is on the disk. ' +
          'With `atomic`, either every change is accepted or none is (409 `sync.atomic_failed` with the results).',
        caller: 'device',
        rate: 'write',
        idempotency: 'handler',
        rawBody: true,
        body: PushRequest,
        bodyBytesMax: syncLimits.pushBodyBytesMax,
        success: { status: 200, body: PushResponse, description: 'One result for each change.' },
      },
      async (ctx, { body, idempotencyKey }) => {
        const output = await sync.push(ctx, { body, idempotencyKey });
        if (output.outcome === 'malformed_json') throw malformedJson(output.detail);
        if (output.outcome === 'invalid') throw invalidBody(output.errors);
        const answer = new JsonText(output.json);
        return output.isReplay ? new Reply(answer, { 'Idempotency-Replayed': 'true' }) : answer;
      },
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/sync/pull',
        tag: 'sync',
        summary: 'Pull changes',
        description: 'Without a cursor it begins at the beginning and leaves out what was deleted before.',
        caller: 'device',
        rate: 'read',
        idempotency: 'none',
        query: PullQuery,
        success: pullSuccess,
      },
      async (ctx, { query }) => new JsonText((await sync.pull(ctx, query)).json),
    ),
    route(
      {
        method: 'POST',
        path: '/api/v1/sync/pull',
        tag: 'sync',
        summary: 'Pull changes and acknowledge',
        description:
          'As GET. `acknowledged` is a cursor up to which this device has stored everything: deletions that every device ' +
          'has acknowledged can be forgotten.',
        caller: 'device',
        rate: 'read',
        idempotency: 'none',
        body: PullRequest,
        success: pullSuccess,
      },
      async (ctx, { body }) => new JsonText((await sync.pull(ctx, body)).json),
    ),
  ];
}
