/** One route as the server runs it: authenticate, check the input, run the handler once, answer. */
import { Strict } from '@alcove/contract/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { releaseBytes } from '../platform/bytes/index.ts';
import { withSpan } from '../platform/telemetry/index.ts';
import type { Authenticate } from './authenticate.ts';
import type { ClientAddress } from './client-address.ts';
import { type Idempotency, isLastingRefusal, type KeptAnswer } from './idempotency.ts';
import { readIdempotencyKey } from './idempotency-key.ts';
import { describeRoute } from './openapi.ts';
import { problemOf } from './problems.ts';
import type { Limiter } from './rate-limit/index.ts';
import { RequestCtx, type RequestCtxParts } from './request-ctx.ts';
import { Download, type Head, type Input, JsonText, Redirect, Reply, type Route } from './route.ts';
import { requireDigest, type Signatures } from './signatures/index.ts';
import { type Check, createBodyCheck, createTextCheck } from './validation.ts';

export interface EndpointParts extends RequestCtxParts {
  readonly authenticate: Authenticate;
  readonly idempotency: Idempotency;
  readonly clientAddress: ClientAddress;
  readonly limiter: Limiter;
  readonly signatures: Signatures;
}

export function addEndpoint(scope: FastifyInstance, { head, handler }: Route, parts: EndpointParts): void {
  const { identify, onRequest } = createAdmission(head, parts);
  const readInput = createInputReader(head);
  const name = `${head.method} ${head.path}`;
  const attributes = { 'http.request.method': head.method, 'http.route': head.path };
  scope.route({
    method: head.method,
    url: head.path,
    ...(head.bodyBytesMax === undefined ? {} : { bodyLimit: head.bodyBytesMax }),
    config: { isEndpoint: true, rawBody: head.rawBody === true },
    schema: describeRoute(head),
    validatorCompiler: () => () => true,
    onRequest,
    handler: async (request, reply) => {
      const ctx = requireCtx(request);
      // A body may take minutes to arrive: whoever lost the right meanwhile must not act by a request opened before.
      if (request.sentBody !== undefined) await identify(request);
      requireDigest(request.signedDigest, request.sentBody);
      const input = readInput(request);
      reply.code(head.success.status);
      const run = () => withSpan(name, async () => handler(ctx, input), attributes);
      const { idempotencyKey: key } = input;
      if (key === undefined || head.idempotency === 'handler') return sendAnswer(reply, head, await run());
      return sendKept(
        reply,
        await runOnce(request, reply, { head, key, run, idempotency: parts.idempotency }),
      );
    },
  });
}

/** What every request passes before its body is read: who calls, and whether they may call so often. */
export function createAdmission(head: Head, parts: EndpointParts) {
  const { database, log } = parts;
  const checkParams = paramsCheckOf(head);
  const identify = (request: FastifyRequest) =>
    parts.authenticate(request, head, () => workspaceOf(checkParams(request.params)));
  return {
    identify,
    async onRequest(request: FastifyRequest, reply: FastifyReply): Promise<void> {
      const ip = parts.clientAddress(request);
      reply.headers(await parts.limiter.admitAddress(ip, head));
      const actor = await identify(request);
      reply.headers(await parts.limiter.admitActor(actor, head.rate));
      request.ctx = new RequestCtx(request, reply, { actor, ip, database, log });
      request.signedDigest = await parts.signatures.requireSignature(request.ctx, request);
    },
  };
}

/** The workspace that the path names. */
function workspaceOf(params: unknown): string | undefined {
  if (typeof params !== 'object' || params === null || !('workspaceId' in params)) return undefined;
  return typeof params.workspaceId === 'string' ? params.workspaceId : undefined;
}

function requireCtx({ ctx }: FastifyRequest): RequestCtx {
  if (ctx === undefined) throw new Error('a request reached its handler without a context');
  return ctx;
}

interface Once {
  readonly head: Head;
  readonly key: string;
  readonly run: () => Promise<unknown>;
  readonly idempotency: Idempotency;
}

function runOnce(request: FastifyRequest, reply: FastifyReply, { head, key, run, idempotency }: Once) {
  const ctx = requireCtx(request);
  const content = [request.url, request.headers['content-type'] ?? '', request.sentBody ?? ''];
  const render = (body: unknown): KeptAnswer => ({
    status: head.success.status,
    headers: {},
    body: body === undefined ? '' : String(reply.serialize(body)),
  });
  return idempotency.once(ctx, { method: head.method, route: head.path, key, content }, async (keep) => {
    let committed: unknown;
    if (head.idempotency === 'transaction') {
      ctx.beforeCommit = async (tx, result) => {
        committed = result;
        await keep(tx, render(result));
      };
    }
    try {
      const answer = await run();
      if (head.idempotency === 'transaction' && answer !== committed) {
        throw new Error(`${head.method} ${head.path} answers something else than its transaction`);
      }
      return render(answer);
    } catch (error) {
      // Keeping the refusal is a transaction of its own, which is not the handler's.
      ctx.beforeCommit = undefined;
      if (!isLastingRefusal(error)) throw error;
      return { status: error.status, headers: error.headers, body: problemOf(error, request.id) };
    }
  });
}

function sendKept(
  reply: FastifyReply,
  { answer, isReplay }: { answer: KeptAnswer; isReplay: boolean },
): FastifyReply {
  reply.code(answer.status).headers(answer.headers);
  if (isReplay) reply.header('Idempotency-Replayed', 'true');
  if (answer.body === '') return reply.send();
  const type = answer.status < 400 ? 'application/json' : 'application/problem+json';
  return reply.type(`${type}; charset=utf-8`).send(answer.body);
}

export function createInputReader(head: Head): (request: FastifyRequest) => Input<Head> {
  const checkParams = paramsCheckOf(head);
  const checkQuery: Check = head.query ? createTextCheck(head.query, 'The query') : () => undefined;
  const checkBody = bodyCheckOf(head);
  return (request) => ({
    params: checkParams(request.params) as undefined,
    query: checkQuery(request.query) as undefined,
    body: checkBody(request.body) as undefined,
    cookie: head.cookie === undefined ? undefined : readCookie(request.headers.cookie, head.cookie),
    lastEventId: readLastEventId(request.headers['last-event-id']),
    idempotencyKey:
      head.idempotency === 'none'
        ? undefined
        : readIdempotencyKey(request.headers['idempotency-key'], request.headers['x-idempotency-key']),
  });
}

function paramsCheckOf(head: Head): Check {
  return head.params === undefined ? () => undefined : createTextCheck(head.params, 'The path');
}

function readLastEventId(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && header !== '' ? header : undefined;
}

function bodyCheckOf(head: Head): Check {
  if (head.rawBody === true) return (body) => body ?? Buffer.alloc(0);
  return head.body === undefined ? refuseMembers : createBodyCheck(head.body);
}

/** Of a route that takes no body: what somebody sends there would be passed over in silence. */
const refuseMembers = createBodyCheck(Strict({}));

/** RFC 6265, section 4.2: pairs with `; ` between them. */
function readCookie(header: string | undefined, name: string): string | undefined {
  const pair = header?.split('; ').find((text) => text.startsWith(`${name}=`));
  return pair?.slice(name.length + 1);
}

function sendAnswer(reply: FastifyReply, head: Head, answer: unknown): FastifyReply {
  if (answer instanceof Redirect) return reply.headers(answer.headers).redirect(answer.location, 302);
  if (answer instanceof Download && 'file' in head.success) {
    return reply
      .type(head.success.file)
      .header('Content-Disposition', `attachment; filename="${answer.fileName}"`)
      .send(answer.stream);
  }
  if (!(answer instanceof Reply)) return sendBody(reply, answer);
  return sendBody(reply.headers(answer.headers), answer.body);
}

function sendBody(reply: FastifyReply, body: unknown): FastifyReply {
  if (body instanceof JsonText) {
    const { bytes } = body;
    // Not before the system has taken it all. An answer whose caller has left is the collector's.
    reply.raw.once('finish', () => releaseBytes(bytes));
    return reply.type('application/json; charset=utf-8').send(bytes);
  }
  return reply.send(body);
}
