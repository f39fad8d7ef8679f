/** The edge: turns routes into a server that authenticates, validates, answers, measures and drains. */
import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Actor, Ctx } from '../context.ts';
import type { Database } from '../platform/database/index.ts';
import type { Ids } from '../platform/ids/index.ts';
import { type Logger, type Metrics, withSpan } from '../platform/telemetry/index.ts';
import { type Authentication, createAuthenticate } from './authenticate.ts';
import { methodNotAllowed, notFound } from './errors.ts';
import { readIdempotencyKey } from './idempotency-key.ts';
import { describeApi, describeRoute } from './openapi.ts';
import { sendProblem, toFailure } from './problems.ts';
import { RequestCtx } from './request-ctx.ts';
import { type Head, type Input, JsonText, Reply, type Route } from './route.ts';
import { type Check, createBodyCheck, createTextCheck } from './validation.ts';

export interface HttpOptions {
  readonly version: string;
  readonly publicUrl: string;
  readonly corsOrigins: readonly string[];
  readonly bodyBytesMax: number;
  readonly routes: readonly Route[];
  readonly authentication: Authentication;
  readonly database: Database;
  readonly ids: Ids;
  readonly log: Logger;
  readonly metrics: Metrics;
}

export interface Http {
  /** Starts to listen; answers the address. */
  listen(host: string, port: number): Promise<string>;
  /** Lets requests in flight finish, for at most `withinMs`, then closes every connection. */
  drain(withinMs: number): Promise<void>;
}

export async function createHttp(options: HttpOptions): Promise<Http> {
  const app = Fastify({
    bodyLimit: options.bodyBytesMax,
    logger: false,
    forceCloseConnections: 'idle',
    genReqId: (request) => readRequestId(request.headers['x-request-id']) ?? options.ids.uuid(),
    requestTimeout: 120_000,
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: 200 },
    // A request that the parser refuses never becomes a request of ours, so it is answered here.
    clientErrorHandler: (_error, socket) =>
      void socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'),
  });
  await secure(app, options);
  await describeApi(app, options);
  acceptJson(app);
  observe(app, options);
  answerErrors(app, options);
  await app.register(async (scope) => {
    for (const route of options.routes) addRoute(scope, route, options);
    addMetrics(scope, options);
    refuseOtherMethods(scope, [
      ...options.routes.map(({ head }) => head),
      { method: 'GET', path: '/metrics' },
    ]);
  });
  await app.ready();

  return {
    listen: (host, port) => app.listen({ host, port }),
    drain: (withinMs) => drain(app, withinMs),
  };
}

async function secure(app: FastifyInstance, { corsOrigins }: HttpOptions): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
    referrerPolicy: { policy: 'no-referrer' },
  });
  if (corsOrigins.length === 0) return;
  await app.register(cors, {
    origin: [...corsOrigins],
    methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    exposedHeaders: [
      'X-Request-Id',
      'Idempotency-Replayed',
      'ETag',
      'Retry-After',
      'RateLimit',
      'RateLimit-Policy',
    ],
    maxAge: 600,
  });
}

/** JSON alone; an empty body is no body, whatever its type says. Some routes take the bytes as they are. */
function acceptJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (request.routeOptions.config.rawBody === true) done(null, body);
    else if (body.length === 0) done(null, undefined);
    else parse(request, body.toString('utf8'), done);
  });
}

function observe(app: FastifyInstance, { log, metrics }: HttpOptions): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.header('X-Request-Id', request.id).header('Cache-Control', 'no-store');
  });
  app.addHook('onResponse', async (request, reply) => {
    const { method } = request;
    const route = request.routeOptions.url ?? '(none)';
    const seconds = reply.elapsedTime / 1000;
    metrics.observeRequest({ method, route, status: reply.statusCode, seconds });
    log.info(
      { method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime), requestId: request.id },
      'request',
    );
  });
}

function answerErrors(app: FastifyInstance, { log }: HttpOptions): void {
  app.setErrorHandler((error, request, reply) =>
    sendProblem(request, reply, toFailure(error, log.child({ requestId: request.id }))),
  );
  app.setNotFoundHandler((request, reply) =>
    sendProblem(request, reply, notFound('No route has this path.')),
  );
}

function addRoute(scope: FastifyInstance, { head, handler }: Route, options: HttpOptions): void {
  const authenticate = createAuthenticate(options.authentication);
  const readInput = createInputReader(head);
  const _spanName = `${head.method} ${head.path}`;
  const _spanAttributes = { 'http.request.method': head.method, 'http.route': head.path };
  scope.route({
    method: head.method,
    url: head.path,
    ...(head.bodyBytesMax === undefined ? {} : { bodyLimit: head.bodyBytesMax }),
    config: { rawBody: head.rawBody === true },
    schema: describeRoute(head),
    validatorCompiler: () => () => true,
    onRequest: async (request, reply) => {
      const actor = await authenticate(request, head.caller);
      request.ctx = new RequestCtx(request, reply, actor, options);
    },
    handler: async (request, reply) => {
      const ctx = request.ctx;
      if (ctx === undefined) throw new Error('a request reached its handler without a context');
      const answer = await withSpan(`${head.method} ${head.path}`, async () =>
        handler(ctx, readInput(request)),
      );
      return sendAnswer(reply, head, answer);
    },
  });
}

function createInputReader(head: Head): (request: FastifyRequest) => Input<Head> {
  const checkParams: Check = head.params ? createTextCheck(head.params, 'The path') : () => undefined;
  const checkQuery: Check = head.query ? createTextCheck(head.query, 'The query') : () => undefined;
  const checkBody = bodyCheckOf(head);
  return (request) => ({
    params: checkParams(request.params) as undefined,
    query: checkQuery(request.query) as undefined,
    body: checkBody(request.body) as undefined,
    idempotencyKey:
      head.idempotency === 'none'
        ? undefined
        : readIdempotencyKey(request.headers['idempotency-key'], request.headers['x-idempotency-key']),
  });
}

function bodyCheckOf(head: Head): Check {
  if (head.rawBody === true) return (body) => body ?? Buffer.alloc(0);
  return head.body === undefined ? () => undefined : createBodyCheck(head.body);
}

function sendAnswer(reply: FastifyReply, head: Head, answer: unknown): FastifyReply {
  reply.code(head.success.status);
  if (answer instanceof Reply) {
    reply.headers(answer.headers);
    return sendBody(reply, answer.body);
  }
  return sendBody(reply, answer);
}

function sendBody(reply: FastifyReply, body: unknown): FastifyReply {
  if (body instanceof JsonText) return reply.type('application/json; charset=utf-8').send(body.bytes);
  return reply.send(body);
}

function addMetrics(scope: FastifyInstance, options: HttpOptions): void {
  const authenticate = createAuthenticate(options.authentication);
  scope.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    await authenticate(request, 'operator');
    return reply.type(options.metrics.contentType).send(await options.metrics.text());
  });
}

/** A known path with another method is 405 with the methods that it takes, not 404. */
function refuseOtherMethods(scope: FastifyInstance, heads: readonly Pick<Head, 'method' | 'path'>[]): void {
  for (const [path, taken] of Map.groupBy(heads, ({ path }) => path)) {
    const methods = taken.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
    const Allow = methods.join(', ');
    scope.route({
      method: scope.supportedMethods.filter((method) => !methods.includes(method) && method !== 'OPTIONS'),
      url: path,
      schema: { hide: true },
      onRequest: async (request) => {
        throw methodNotAllowed({
          detail: `This path takes ${Allow}; ${request.method} came.`,
          headers: { Allow },
        });
      },
      handler: async () => undefined,
    });
  }
}

/** A caller's request id is kept when it is harmless in a log line. */
function readRequestId(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && /^[A-Za-z0-9._-]{1,128}$/.test(header) ? header : undefined;
}

async function drain(app: FastifyInstance, withinMs: number): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), withinMs);
  await app.close();
  clearTimeout(timer);
}

declare module 'fastify' {
  interface FastifyRequest {
    ctx?: Ctx<Actor>;
  }
  interface FastifyContextConfig {
    rawBody?: boolean;
  }
}
