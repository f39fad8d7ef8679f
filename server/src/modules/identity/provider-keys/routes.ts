import { Strict } from '@alcove/contract/common';
import {
  Provider,
  ProviderKind,
  ProviderList,
  SetLlmProviderRequest,
  SetTtsProviderRequest,
} from '@alcove/contract/providers';
import Type from 'typebox';
import { type Route, route } from '../../../http/route.ts';
import type { ProviderKeys } from './provider-keys.ts';

const common = { tag: 'identity', caller: 'member' } as const;
const change = {
  ...common,
  access: { role: 'admin', scope: 'identity:write' },
  rate: 'write',
  idempotency: 'transaction',
} as const;
const set = {
  ...change,
  method: 'PATCH',
  description: 'Takes the place of the one that was there. It is encrypted and never shown again.',
  success: { status: 200, body: Provider, description: 'The provider, with a hint of its key.' },
} as const;

export function providerKeyRoutes(providerKeys: ProviderKeys): Route[] {
  return [
    route(
      {
        ...common,
        method: 'GET',
        path: '/api/v1/auth/providers',
        access: { role: 'admin', scope: 'identity:read' },
        rate: 'read',
        idempotency: 'none',
        summary: "List the workspace's keys for outside services",
        success: { status: 200, body: ProviderList, description: 'The providers, with hints of their keys.' },
      },
      (ctx) => providerKeys.list(ctx),
    ),
    route(
      {
        ...set,
        path: '/api/v1/auth/providers/llm',
        summary: 'Set the key for a service that writes',
        body: SetLlmProviderRequest,
      },
      (ctx, { body }) => providerKeys.set(ctx, 'llm', body),
    ),
    route(
      {
        ...set,
        path: '/api/v1/auth/providers/tts',
        summary: 'Set the key for a service that speaks',
        body: SetTtsProviderRequest,
      },
      (ctx, { body }) => providerKeys.set(ctx, 'tts', body),
    ),
    route(
      {
        ...change,
        method: 'DELETE',
        path: '/api/v1/auth/providers/:kind/:provider',
        summary: 'Remove the key for an outside service',
        params: Strict({ kind: ProviderKind, provider: Type.String({ minLength: 1, maxLength: 64 }) }),
        success: { status: 204, description: 'Removed.' },
      },
      (ctx, { params }) => providerKeys.remove(ctx, params.kind, params.provider),
    ),
  ];
}
