/**
 * A route is a head of plain data and a handler that makes one call to a service. The head says everything that the
 * edge has to know before the handler runs, and the description of the API is made from it.
 */

import type { Readable } from 'node:stream';
import type { RouteScope } from '@alcove/contract/access';
import type { Static, TSchema } from 'typebox';
import type { AccountActor, Actor, Ctx, DeviceActor, KeyActor, MemberActor, Role } from '../context.ts';
import { invalidRequest } from './errors.ts';

export { malformedJson } from './errors.ts';

export type Head = HeadParts &
  (
    | {
        /**
         * `device`: an account, from a session that belongs to one of its devices. `watcher`: the operator, or a caller on
         * this machine unless the settings say otherwise, who may see and do nothing.
         */
        readonly caller: 'anyone' | 'account' | 'device' | 'operator' | 'watcher';
      }
    | {
        /** An account with that role, or a higher one, in the workspace that is acted in. No key may call the route. */
        readonly caller: 'account';
        readonly access: { readonly role: Role };
      }
    | {
        /** An API key, and nobody else. */
        readonly caller: 'key';
      }
    | {
        /**
         * A member of the workspace that is acted in, or a key of it. The workspace is the path's `:workspaceId` where
         * there is one, else Alcove-Workspace, else the caller's own. Whoever does not belong to it gets a 404.
         */
        readonly caller: 'member';
        readonly access: Required<Access>;
      }
  );

/** What a route asks of a member: of an account the role, of a key the scope, and the role where keys have it not. */
export interface Access {
  readonly role: Role;
  /** Without one, no key may call the route. */
  readonly scope?: RouteScope;
}

/**
 * Which limit on requests counts a route: each class has a policy of its own. `refresh` and `poll` are what devices do by
 * themselves, so that the people at one address do not use up each other's attempts to sign in.
 */
export type Rate = 'read' | 'write' | 'sign-in' | 'refresh' | 'poll' | 'costly';

interface HeadParts {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** The whole path, with parameters as `:id`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly rate: Rate;
  /**
   * How a request with an Idempotency-Key is kept from acting twice. `transaction`: the handler answers what its one
   * transaction returns, others than those `beforehand` there are none, and the edge keeps that answer in the same
   * transaction. `after`: the edge keeps the answer once the handler is done. `handler`: the handler does it. `none` is for routes that change nothing.
   */
  readonly idempotency: 'none' | 'transaction' | 'after' | 'handler';
  readonly params?: TSchema;
  readonly query?: TSchema;
  /** The caller may show a one-time `?ticket=` instead of a token, as a browser has to that opens a WebSocket. */
  readonly ticket?: true;
  /** The name of a cookie that the handler reads. The only ones are those that bind a sign-in to its browser. */
  readonly cookie?: string;
  readonly body?: TSchema;
  /** The handler gets the body's bytes and parses them elsewhere; the schema then only describes it. */
  readonly rawBody?: true;
  /** Largest body, where it differs from the service's general limit. */
  readonly bodyBytesMax?: number;
  readonly success:
    | { readonly status: 200 | 201 | 202; readonly body: TSchema; readonly description: string }
    | { readonly status: 204 | 302; readonly description: string }
    /** A stream of such events, over a WebSocket or as server-sent events. Its caller is an account. */
    | { readonly status: 200; readonly events: TSchema; readonly description: string }
    /** A file of that type, streamed. */
    | { readonly status: 200; readonly file: string; readonly description: string };
}

type Part<Schema> = Schema extends TSchema ? Static<Schema> : undefined;

export interface Input<H extends Head> {
  readonly params: Part<H['params']>;
  readonly query: Part<H['query']>;
  readonly body: H['rawBody'] extends true ? Buffer : Part<H['body']>;
  /** What the head's cookie holds. */
  readonly cookie: string | undefined;
  /** What the caller of a stream has had already. */
  readonly lastEventId: string | undefined;
  /** The caller's key, without quotes; on routes that change something. */
  readonly idempotencyKey: string | undefined;
}

export type CallerOf<H extends Head> = H['caller'] extends 'device'
  ? DeviceActor
  : H['caller'] extends 'account'
    ? AccountActor
    : H['caller'] extends 'member'
      ? MemberActor
      : H['caller'] extends 'key'
        ? KeyActor
        : Actor;

type BodyOf<H extends Head> = H['success'] extends { readonly body: infer Schema } ? Part<Schema> : never;

/** What a handler may answer: nothing with a 204, otherwise what the head's schema says. */
type AnswerOf<H extends Head> = H['success'] extends { readonly status: 204 }
  ? // biome-ignore lint/suspicious/noConfusingVoidType: a service call that answers nothing is such a handler
    void
  : H['success'] extends { readonly status: 302 }
    ? Redirect
    : H['success'] extends { readonly file: string }
      ? Download
      : H['success'] extends { readonly events: TSchema }
        ? EventStream
        : BodyOf<H> | JsonText | Reply<BodyOf<H> | JsonText> | Redirect;

export type Handler<H extends Head> = (
  ctx: Ctx<CallerOf<H>>,
  input: Input<H>,
) => Promise<AnswerOf<H>> | AnswerOf<H>;

/**
 * An answer that is JSON already, so that large ones are written once and not parsed again on their way out. Its bytes are gone
 * once they are sent.
 */
export class JsonText {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** An answer with headers of its own. */
export class Reply<Body> {
  readonly body: Body;
  readonly headers: Readonly<Record<string, string>>;
  constructor(body: Body, headers: Readonly<Record<string, string>>) {
    this.body = body;
    this.headers = headers;
  }
}

/** Sends a browser elsewhere. */
export class Redirect {
  readonly location: string;
  readonly headers: Readonly<Record<string, string>>;
  constructor(location: string, headers: Readonly<Record<string, string>> = {}) {
    this.location = location;
    this.headers = headers;
  }
}

/** A file that is made while it is sent. The stream is destroyed when the caller leaves. */
export class Download {
  readonly stream: Readable;
  readonly fileName: string;
  constructor(stream: Readable, fileName: string) {
    this.stream = stream;
    this.fileName = fileName;
  }
}

/** One event of a stream. Whoever comes back says in Last-Event-ID the last `id` that arrived. */
export interface StreamEvent {
  readonly event: string;
  readonly id?: string | undefined;
  readonly data: object;
}

/**
 * An answer that goes on. Each event is asked for once the one before has left, so a source that keeps only what is
 * newest never grows with a slow reader. It has to end when the signal aborts: the reader left, or the stream was ended.
 */
export class EventStream {
  readonly open: (signal: AbortSignal) => AsyncIterable<StreamEvent>;
  constructor(open: (signal: AbortSignal) => AsyncIterable<StreamEvent>) {
    this.open = open;
  }
}

/** What was wrong in a body that a handler parses itself; `pointer` is a JSON Pointer into it. */
export function invalidBody(errors: readonly { readonly pointer: string; readonly detail: string }[]) {
  const first = errors[0];
  const detail =
    first === undefined
      ? 'The body is not as expected.'
      : `The body: ${first.pointer || '/'} ${first.detail}.`;
  return invalidRequest({ detail, extensions: { errors } });
}

export interface Route {
  readonly head: Head;
  readonly handler: (ctx: Ctx, input: Input<Head>) => Promise<unknown> | unknown;
}

/**
 * Declares a route. The handler's types follow from the head: what it is given has been checked against it.
 */
export function route<const H extends Head>(head: H, handler: Handler<H>): Route {
  // The edge has checked caller and input against this very head, which no type can say about a list of routes.
  return { head, handler: handler as unknown as Route['handler'] };
}
