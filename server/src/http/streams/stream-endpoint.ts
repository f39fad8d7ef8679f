/** A route that answers with a stream. Whatever can be refused is refused before the stream begins, as a problem. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AccountActor } from '../../context.ts';
import { createAdmission, createInputReader, type EndpointParts } from '../endpoint.ts';
import { describeRoute } from '../openapi.ts';
import { EventStream, type Route, type StreamEvent } from '../route.ts';
import { notAStream, originRefused } from './errors.ts';
import { type StreamParts, sendEventStream } from './event-stream.ts';
import type { OpenStream, OpenStreams, StreamLimits } from './open-streams.ts';
import { sendOverSocket } from './web-socket.ts';

export interface StreamEndpointParts extends EndpointParts {
  readonly openStreams: OpenStreams;
  readonly streams: Pick<StreamLimits, 'heartbeatMs'>;
  /** Whose pages may open WebSockets; a page of the service's own origin always may. */
  readonly corsOrigins: readonly string[];
  readonly publicUrl: string;
}

/** A stream that is about to begin. */
interface Beginning {
  readonly stream: OpenStream;
  readonly events: AsyncIterable<StreamEvent>;
}

export function addStreamEndpoint(
  scope: FastifyInstance,
  { head, handler }: Route,
  parts: StreamEndpointParts,
): void {
  const { onRequest } = createAdmission(head, parts);
  const readInput = createInputReader(head);
  const beginnings = new WeakMap<FastifyRequest, Beginning>();

  async function begin(request: FastifyRequest, reply: FastifyReply): Promise<Beginning> {
    refuseForeignPage(request, parts);
    requireStreaming(request);
    const { ctx } = request;
    if (ctx === undefined) throw new Error('a request reached its handler without a context');
    const stream = parts.openStreams.open(requireAccount(ctx.actor));
    // Also when the connection is gone before the stream has begun.
    reply.raw.once('close', stream.close);
    const answer = await handler(ctx, readInput(request));
    if (!(answer instanceof EventStream)) throw new Error(`${head.path} does not answer with a stream`);
    return { stream, events: answer.open(stream.signal) };
  }

  function take(request: FastifyRequest): [Beginning['events'], StreamParts] {
    const beginning = beginnings.get(request);
    if (beginning === undefined) throw new Error('a stream reached its handler before it had begun');
    const { stream, events } = beginning;
    const onFailure = (err: unknown) => request.ctx?.log.error({ err, route: head.path }, 'a stream broke');
    return [events, { stream, heartbeatMs: parts.streams.heartbeatMs, onFailure }];
  }

  scope.route({
    method: 'GET',
    url: head.path,
    exposeHeadRoute: false,
    config: { isEndpoint: true, isStream: true },
    schema: describeRoute(head),
    validatorCompiler: () => () => true,
    onRequest,
    preHandler: async (request, reply) => void beginnings.set(request, await begin(request, reply)),
    handler: (request, reply) => sendEventStream(reply, ...take(request)),
    wsHandler: (socket, request) => sendOverSocket(socket, ...take(request)),
  });
}

function requireStreaming({ ws, headers }: FastifyRequest): void {
  if (!ws && headers.accept?.includes('text/event-stream') !== true) throw notAStream();
}

/** What a browser would stop for other requests it does not stop for WebSockets. */
function refuseForeignPage(
  { ws, headers: { origin } }: FastifyRequest,
  { corsOrigins, publicUrl }: StreamEndpointParts,
): void {
  if (!ws || origin === undefined) return;
  if (origin === new URL(publicUrl).origin || corsOrigins.includes(origin)) return;
  throw originRefused('Its origin is not in ALCOVE_CORS_ORIGINS.');
}

function requireAccount(actor: { kind: string }): AccountActor {
  if (!isAccount(actor)) throw new Error('streams are for accounts');
  return actor;
}

function isAccount(actor: { kind: string }): actor is AccountActor {
  return actor.kind === 'account';
}
