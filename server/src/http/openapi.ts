/** The description of the API, made from the heads of the routes, and a page to read it that needs no internet. */
import { Problem } from '@alcove/contract/common';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance, FastifySchema } from 'fastify';
import type { Head } from './route.ts';

export async function describeApi(
  app: FastifyInstance,
  { version, publicUrl }: { readonly version: string; readonly publicUrl: string },
): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Alcove', version, description: 'The self-hosted backend for private AI apps.' },
      // Relative, so that trying a call from the page works under whatever name the page was opened.
      servers: [{ url: '/' }],
      components: {
        securitySchemes: {
          account: { type: 'http', scheme: 'bearer', description: 'An access token of an account.' },
          key: { type: 'http', scheme: 'bearer', description: 'An API key of a workspace, with scopes.' },
          operator: { type: 'http', scheme: 'bearer', description: "The operator's token." },
        },
      },
    },
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    transformStaticCSP: (policy) => (publicUrl.startsWith('https:') ? policy : withoutUpgrade(policy)),
    uiConfig: { layout: 'BaseLayout', tryItOutEnabled: true },
  });
  app.get('/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}

/** Where there is no TLS, asking for it leaves the page blank on every host but this one. */
const withoutUpgrade = (policy: string) => policy.replace(/\s*upgrade-insecure-requests;?/, '');

export function describeRoute(head: Head): FastifySchema {
  const { success } = head;
  return {
    tags: [head.tag],
    summary: head.summary,
    ...(head.description === undefined ? {} : { description: head.description }),
    ...(head.caller === 'anyone' ? {} : { security: securityOf(head.caller) }),
    ...(head.params === undefined ? {} : { params: head.params }),
    ...(head.query === undefined ? {} : { querystring: head.query }),
    ...(head.body === undefined ? {} : { body: head.body }),
    ...(head.idempotency === 'none' ? {} : { headers: idempotencyHeaders }),
    response: {
      [success.status]: describeSuccess(success),
      default: { description: 'A problem.', content: { 'application/problem+json': { schema: Problem } } },
    },
  };
}

function securityOf(caller: Exclude<Head['caller'], 'anyone'>) {
  if (caller === 'member') return [{ account: [] }, { key: [] }];
  if (caller === 'operator' || caller === 'watcher') return [{ operator: [] }];
  return [{ [caller === 'key' ? caller : 'account']: [] }];
}

function describeSuccess(success: Head['success']) {
  if ('body' in success) return withDescription(success.body, success.description);
  if ('events' in success) return describeStream(success);
  if (!('file' in success)) return nothing(success.description);
  const schema = { type: 'string', format: 'binary' };
  return { description: success.description, content: { [success.file]: { schema } } };
}

/** With `Upgrade: websocket` the same events are the messages of a WebSocket, which OpenAPI has no words for. */
function describeStream({ events, description }: { readonly events: object; readonly description: string }) {
  return { description, content: { 'text/event-stream': { schema: events } } };
}

const withDescription = (schema: object, description: string) => ({ ...schema, description });
const nothing = (description: string) => ({ type: 'null', description });

const idempotencyHeaders = {
  type: 'object',
  properties: { 'idempotency-key': { type: 'string', description: '1 to 255 visible ASCII characters.' } },
};
