import {
  ConflictList,
  ConflictsQuery,
  PullQuery,
  PullRequest,
  PullResponse,
  PushRequest,
  PushResponse,
  PushResult,
  ResolveRequest,
  Strict,
  SyncPolicy,
  SyncStatus,
  syncLimits,
  Uuid,
} from '@alcove/contract';
import { invalidBody, JsonText, malformedJson, Reply, type Route, route } from '../../http/route.ts';
import type { SyncService } from './service.ts';
import type { PushOutput } from './vault/answers.ts';

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
      async (ctx, request) => toReply(await sync.push(ctx, request)),
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
      async (ctx, { query }) => new JsonText(await sync.pull(ctx, query)),
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
      async (ctx, { body }) => new JsonText(await sync.pull(ctx, body)),
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/sync/conflicts',
        tag: 'sync',
        summary: 'List conflicts',
        description:
          'The oldest first; the open ones unless `state` says otherwise. Resolved ones are forgotten after 30 days.',
        caller: 'device',
        rate: 'read',
        idempotency: 'none',
        query: ConflictsQuery,
        success: {
          status: 200,
          body: ConflictList,
          description: 'Conflicts with every version that is held. A page ends early where they are large.',
        },
      },
      async (ctx, { query }) => new JsonText(await sync.listConflicts(ctx, query)),
    ),
    route(
      {
        method: 'POST',
        path: '/api/v1/sync/conflicts/:id/resolve',
        tag: 'sync',
        summary: 'Resolve a conflict',
        description:
          'Takes one change of the item, whose clock has seen every version. One that has not is `rejected` as ' +
          '`sync.versions_unseen`, with `current`. A push of such a change resolves a conflict just as well.',
        caller: 'device',
        rate: 'write',
        idempotency: 'handler',
        rawBody: true,
        params: Strict({ id: Uuid }),
        body: ResolveRequest,
        success: { status: 200, body: PushResult, description: 'What became of the change, as in a push.' },
      },
      async (ctx, { params, ...request }) => toReply(await sync.resolveConflict(ctx, params.id, request)),
    ),
    route(
      {
        method: 'PUT',
        path: '/api/v1/sync/policy',
        tag: 'sync',
        summary: 'Choose what becomes of concurrent entries',
        description:
          'With `last-writer-wins` open conflicts are settled, and their versions kept. `manual` opens none of them again.',
        caller: 'device',
        rate: 'write',
        idempotency: 'after',
        body: SyncPolicy,
        success: { status: 200, body: SyncPolicy, description: 'The policy as it now is.' },
      },
      (ctx, { body }) => sync.setPolicy(ctx, body),
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/sync/status',
        tag: 'sync',
        summary: 'Read how the vault stands',
        caller: 'device',
        rate: 'read',
        idempotency: 'none',
        success: {
          status: 200,
          body: SyncStatus,
          description: 'What it holds and may hold, and how far each device in use has stored it.',
        },
      },
      (ctx) => sync.readStatus(ctx),
    ),
  ];
}

function toReply(output: PushOutput) {
  if (output.outcome === 'malformed_json') throw malformedJson(output.detail);
  if (output.outcome === 'invalid') throw invalidBody(output.errors);
  const answer = new JsonText(output.json);
  return output.isReplay ? new Reply(answer, { 'Idempotency-Replayed': 'true' }) : answer;
}
