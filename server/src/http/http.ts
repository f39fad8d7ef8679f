/** The edge: turns routes into a server that authenticates, validates, answers, measures and drains. */
import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import cors from '@fastify/cors';
import websocket from '@fastify/websocket';
import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import type { Clock } from '../platform/clock/index.ts';
import type { Database } from '../platform/database/index.ts';
import type { Ids } from '../platform/ids/index.ts';
import { isNestedDeeperThan, jsonDepthMax } from '../platform/json/index.ts';
import type { Logger, Metrics } from '../platform/telemetry/index.ts';
import { type Authentication, createAuthenticate } from './authenticate.ts';
import { readBody } from './body.ts';
import { type ClientAddress, createClientAddress, type Network } from './client-address.ts';
import { answerClientError } from './client-errors.ts';
import { addEndpoint, type EndpointParts } from './endpoint.ts';
import {
  invalidRequest,
  malformedRequest,
  methodNotAllowed,
  notFound,
  unsupportedContentCoding,
} from './errors.ts';
import type { Idempotency } from './idempotency.ts';
import { describeApi } from './openapi.ts';
import { addPages } from './pages.ts';
import { sendProblem, toFailure } from './problems.ts';
import type { Limiter } from './rate-limit/index.ts';
import type { RequestCtx } from './request-ctx.ts';
import type { Head, Route } from './route.ts';
import type { Signatures } from './signatures/index.ts';
import {
  addStreamEndpoint,
  createOpenStreams,
  messageBytesMax,
  noWebSocket,
  type OpenStreams,
  type StreamLimits,
  type StreamSessions,
} from './streams/index.ts';

export interface HttpOptions {
  readonly version: string;
  readonly publicUrl: string;
  readonly corsOrigins: readonly string[];
  readonly bodyBytesMax: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly trustedProxies: readonly Network[];
  readonly routes: readonly Route[];
  readonly authentication: Authentication;
  readonly idempotency: Idempotency;
  readonly limiter: Limiter;
  readonly signatures: Signatures;
  readonly streams: StreamLimits;
  /** Which end the streams that were opened in them. */
  readonly streamSessions: StreamSessions;
  readonly clock: Clock;
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

/** So much longer than its time may a slow request live. */
const timeoutsCheckedEveryMs = 5000;

export async function createHttp(options: HttpOptions): Promise<Http> {
  const app = Fastify({
    bodyLimit: options.bodyBytesMax,
    logger: false,
    forceCloseConnections: 'idle',
    // What still arrives on an open connection while the service drains is answered by its route, /readyz above all.
    return503OnClosing: false,
    genReqId: (request) => readRequestId(request.headers['x-request-id']) ?? options.ids.uuid(),
    requestTimeout: options.requestTimeoutMs,
    http: {
      headersTimeout: Math.min(options.headersTimeoutMs, options.requestTimeoutMs),
      connectionsCheckingInterval: Math.min(timeoutsCheckedEveryMs, options.headersTimeoutMs / 2),
      // Whatever else a client offers to upgrade to, HTTP/2 for one, is declined by answering as if it had not.
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
    },
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: 200 },
    clientErrorHandler: answerClientError,
    // No hook runs for these, so that they miss even their request id.
    frameworkErrors: (error, request, reply) =>
      void sendProblem(request, reply.header('X-Request-Id', request.id), toFailure(error, options.log)),
  });
  const clientAddress = createClientAddress(options.trustedProxies, options.log);
  observe(app, options);
  refuseTwoHosts(app);
  refuseContentCodings(app);
  limitTheRest(app, options.limiter, clientAddress);
  await secure(app, options);
  await describeApi(app, options);
  await app.register(websocket, { options: { maxPayload: messageBytesMax } });
  refuseStrayWebSockets(app);
  acceptJson(app);
  const { metrics, streams, streamSessions: sessions, clock, log } = options;
  const openStreams = createOpenStreams({ limits: streams, sessions, clock, log });
  metrics.gauge('alcove_live_streams', 'Streams that are open.', () => openStreams.count());
  answerErrors(app, options);
  await app.register(async (scope) => {
    const authenticate = createAuthenticate(options.authentication);
    const parts = { ...options, authenticate, clientAddress, openStreams };
    for (const route of options.routes) {
      if ('events' in route.head.success) addStreamEndpoint(scope, route, parts);
      else addEndpoint(scope, route, parts);
    }
    addMetrics(scope, parts);
    const pages = await addPages(scope);
    const others = [...pages, '/metrics'].map((path) => ({ method: 'GET', path }) as const);
    const heads = [...options.routes.map(({ head }) => head), ...others];
    refuseOtherMethods(scope, heads, options.corsOrigins.length > 0);
  });
  await app.ready();

  return {
    listen: (host, port) => app.listen({ host, port }),
    drain: (withinMs) => drain(app, openStreams, withinMs),
  };
}

/** Two readers of such a request may each believe another host (RFC 9112, section 3.2); Node believes the first. */
function refuseTwoHosts(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const { rawHeaders } = request.raw;
    let hosts = 0;
    for (let at = 0; at < rawHeaders.length; at += 2)
      if (rawHeaders[at]?.length === 4 && rawHeaders[at]?.toLowerCase() === 'host') hosts += 1;
    done(
      hosts > 1
        ? malformedRequest({ detail: 'Send one Host.', headers: { Connection: 'close' } })
        : undefined,
    );
  });
}

/** Nothing unpacks bodies here, and what is packed is no JSON. */
function refuseContentCodings(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const coding = request.headers['content-encoding'] ?? 'identity';
    const isPlain = coding.toLowerCase() === 'identity';
    done(isPlain ? undefined : unsupportedContentCoding({ headers: { 'Accept-Encoding': 'identity' } }));
  });
}

/** Endpoints count their calls by what they do. Pages, metrics, preflights and what is not there count as calls of an address. */
function limitTheRest(app: FastifyInstance, limiter: Limiter, clientAddress: ClientAddress): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config.isEndpoint === true) return;
    reply.headers(await limiter.admitAddress(clientAddress(request)));
  });
}

function refuseStrayWebSockets(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const isStray = request.ws && request.routeOptions.config.isStream !== true;
    done(isStray ? noWebSocket() : undefined);
  });
}

/** What a browser is to make of an answer: data, and nothing that another site may show or take in. Pages say more. */
const securityHeaders = {
  'Content-Security-Policy': "default-src 'none';frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Origin-Agent-Cluster': '?1',
  'Referrer-Policy': 'no-referrer',
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'X-Content-Type-Options': 'nosniff',
  'X-DNS-Prefetch-Control': 'off',
  'X-Download-Options': 'noopen',
  'X-Frame-Options': 'SAMEORIGIN',
  'X-Permitted-Cross-Domain-Policies': 'none',
  'X-XSS-Protection': '0',
};

async function secure(app: FastifyInstance, { corsOrigins }: HttpOptions): Promise<void> {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(securityHeaders);
    done();
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

/** The database cannot hold it in a text, and nobody means it. Behind an even number of backslashes it is an escape. */
const escapedNul = /(?<!\\)(?:\\\\)*\\u0000/;

/** JSON alone; an empty body is no body, whatever its type says. Some routes take the bytes as they are. */
function acceptJson(app: FastifyInstance): void {
  const parse = promisify(app.getDefaultJsonParser('error', 'error'));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', async (request: FastifyRequest, arriving: IncomingMessage) => {
    const { config, bodyLimit } = request.routeOptions;
    const body = await readBody(arriving, bodyLimit);
    request.sentBody = body;
    if (config.rawBody === true) return body;
    if (body.length === 0) return undefined;
    const text = body.toString('utf8');
    if (isNestedDeeperThan(jsonDepthMax, text))
      throw invalidRequest(`The body nests deeper than ${jsonDepthMax} levels.`);
    if (escapedNul.test(text)) throw invalidRequest('A text holds the character U+0000, which no text may.');
    return parse(request, text);
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

function addMetrics(scope: FastifyInstance, { authenticate, metrics }: EndpointParts & HttpOptions): void {
  scope.get('/metrics', { schema: { hide: true } }, async (request, reply) => {
    await authenticate(request, { caller: 'watcher' });
    return reply.type(metrics.contentType).send(await metrics.text());
  });
}

type RoutedHead = Pick<Head, 'method' | 'path'> & Partial<Pick<Head, 'success'>>;

/** A known path with another method is 405 with the methods that it takes, not 404. */
function refuseOtherMethods(scope: FastifyInstance, heads: readonly RoutedHead[], corsOn: boolean): void {
  for (const [path, taken] of Map.groupBy(heads, ({ path }) => path)) {
    const methods = taken.flatMap(methodsOf);
    const Allow = methods.join(', ');
    scope.route({
      method: scope.supportedMethods.filter(
        (method) => !methods.includes(method) && (method !== 'OPTIONS' || !corsOn),
      ),
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

/** What can be got can also be asked for without its body, unless that never ends. */
function methodsOf({ method, success }: RoutedHead): string[] {
  const hasHead = method === 'GET' && !(success !== undefined && 'events' in success);
  return hasHead ? ['GET', 'HEAD'] : [method];
}

/** A caller's request id is kept when it is harmless in a log line. */
function readRequestId(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && /^[A-Za-z0-9._-]{1,128}$/.test(header) ? header : undefined;
}

/** A kept-alive connection falls idle once its last answer is sent, and would then be waited for in vain. */
const closeIdleEveryMs = 50;

async function drain(app: FastifyInstance, openStreams: OpenStreams, withinMs: number): Promise<void> {
  openStreams[Symbol.dispose]();
  // A stream would otherwise be a request in flight that never finishes.
  const streamsEnded = openStreams.drain();
  const sweep = setInterval(() => app.server.closeIdleConnections(), closeIdleEveryMs);
  const deadline = setTimeout(() => app.server.closeAllConnections(), withinMs);
  await app.close();
  await streamsEnded;
  clearInterval(sweep);
  clearTimeout(deadline);
}

declare module 'fastify' {
  interface FastifyRequest {
    ctx?: RequestCtx;
    /** The body's bytes, by which a digest is checked and two requests with one Idempotency-Key are compared. */
    sentBody?: Buffer;
    /** What the body must be, where the caller's signature says it. */
    signedDigest?: string | undefined;
  }
  interface FastifyContextConfig {
    isEndpoint?: boolean;
    rawBody?: boolean;
    isStream?: boolean;
  }
}
