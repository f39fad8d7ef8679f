import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Actor, Ctx, Origin } from '../context.ts';
import type { Database } from '../platform/database/index.ts';
import type { Logger } from '../platform/telemetry/index.ts';

export interface RequestCtxParts {
  readonly database: Database;
  readonly log: Logger;
}

/** The context of one request. What few handlers ask for (the signal, a logger of its own) is made when asked. */
export class RequestCtx implements Ctx {
  readonly actor: Actor;
  readonly requestId: string;
  readonly database: Database;
  readonly origin: Origin;
  beforeCommit?: Ctx['beforeCommit'];
  readonly #reply: FastifyReply;
  readonly #log: Logger;
  #signal: AbortSignal | undefined;
  #childLog: Logger | undefined;

  constructor(
    request: FastifyRequest,
    reply: FastifyReply,
    { actor, ip, ...parts }: RequestCtxParts & { readonly actor: Actor; readonly ip: string },
  ) {
    this.actor = actor;
    this.requestId = request.id;
    this.database = parts.database;
    this.origin = { ip, userAgent: request.headers['user-agent']?.slice(0, 300) };
    this.#reply = reply;
    this.#log = parts.log;
  }

  get log(): Logger {
    this.#childLog ??= this.#log.child({ requestId: this.requestId });
    return this.#childLog;
  }

  get signal(): AbortSignal {
    this.#signal ??= abortWhenLeft(this.#reply);
    return this.#signal;
  }
}

function abortWhenLeft({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController();
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort();
  });
  return controller.signal;
}
