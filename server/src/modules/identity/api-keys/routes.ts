import {
  ApiKeyList,
  ApiKeyRequest,
  ApiKeyWithSecret,
  Clients,
  KeyToken,
  KeyTokenRequest,
  RotateKeyRequest,
} from '@alcove/contract/api-keys';
import { Strict, Uuid } from '@alcove/contract/common';
import Type from 'typebox';
import { type Route, route } from '../../../http/route.ts';
import type { Clients as ClientList } from '../clients.ts';
import type { ApiKeys } from './api-keys.ts';
import type { KeyTokens } from './key-tokens.ts';

const tag = 'identity';
const Id = Strict({ id: Uuid });
const Page = Strict({
  cursor: Type.Optional(Uuid),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
});
/** Keys make no keys, so all of this is for people. */
const admin = { tag, caller: 'account', access: { role: 'admin' } } as const;

export function apiKeyRoutes(parts: {
  readonly apiKeys: ApiKeys;
  readonly keyTokens: KeyTokens;
  readonly clients: ClientList;
}): Route[] {
  const { apiKeys, keyTokens, clients } = parts;
  return [
    route(
      {
        ...admin,
        method: 'POST',
        path: '/api/v1/auth/api-keys',
        rate: 'write',
        idempotency: 'transaction',
        summary: 'Make an API key for the workspace',
        description: 'It acts as an admin of the workspace, as far as its scopes reach.',
        body: ApiKeyRequest,
        success: {
          status: 201,
          body: ApiKeyWithSecret,
          description: 'The key. Its secret is shown this once.',
        },
      },
      (ctx, { body }) => apiKeys.create(ctx, body),
    ),
    route(
      {
        ...admin,
        method: 'GET',
        path: '/api/v1/auth/api-keys',
        rate: 'read',
        idempotency: 'none',
        summary: 'List the API keys of the workspace',
        query: Page,
        success: { status: 200, body: ApiKeyList, description: 'The keys, without their secrets.' },
      },
      (ctx, { query }) => apiKeys.list(ctx, query),
    ),
    route(
      {
        ...admin,
        method: 'POST',
        path: '/api/v1/auth/api-keys/:id/rotate',
        rate: 'write',
        idempotency: 'transaction',
        summary: 'Give an API key another secret',
        description: 'The old secret, and the tokens that it made, work for `overlapSeconds` more.',
        params: Id,
        body: RotateKeyRequest,
        success: {
          status: 201,
          body: ApiKeyWithSecret,
          description: 'The key with its new secret, shown this once.',
        },
      },
      (ctx, { params, body }) => apiKeys.rotate(ctx, params.id, body.overlapSeconds ?? 0),
    ),
    route(
      {
        ...admin,
        method: 'DELETE',
        path: '/api/v1/auth/api-keys/:id',
        rate: 'write',
        idempotency: 'transaction',
        summary: 'Take an API key back',
        description: 'It and its tokens end at once.',
        params: Id,
        success: { status: 204, description: 'Taken back.' },
      },
      (ctx, { params }) => apiKeys.revoke(ctx, params.id),
    ),
    route(
      {
        method: 'POST',
        path: '/api/v1/auth/token',
        tag,
        caller: 'key',
        rate: 'sign-in',
        idempotency: 'after',
        summary: 'Make a short-lived token with an API key',
        description: 'It has the scopes that were asked for, or all of the key, and ends with the key.',
        body: KeyTokenRequest,
        success: { status: 200, body: KeyToken, description: 'An access token.' },
      },
      (ctx, { body }) => keyTokens.create(ctx, body),
    ),
    route(
      {
        method: 'GET',
        path: '/api/v1/auth/clients',
        tag,
        caller: 'member',
        access: { role: 'viewer', scope: 'identity:read' },
        rate: 'read',
        idempotency: 'none',
        summary: 'List the workspaces that I may act for',
        description: 'Choose one of them with the header Alcove-Workspace.',
        success: { status: 200, body: Clients, description: 'Workspaces, and what I am in each.' },
      },
      (ctx) => clients.list(ctx),
    ),
  ];
}
