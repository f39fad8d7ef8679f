/** Who is calling, and for which workspace, found out from the headers and the path before the body is read. */
import { isIP, isIPv6 } from 'node:net';
import { hasScope, isRoleAtLeast } from '@alcove/contract/access';
import type { FastifyRequest } from 'fastify';
import type { AccountActor, Actor, KeyActor, MemberActor, Role } from '../context.ts';
import type { Secret } from '../platform/crypto/index.ts';
import { isSameText } from '../platform/crypto/index.ts';
import {
  accountRequired,
  deviceRequired,
  forbidden,
  keyRequired,
  scopeMissing,
  unauthenticated,
  workspaceNotFound,
} from './errors.ts';
import type { Access, Head } from './route.ts';

export interface Authentication {
  /** Who stands behind a token, acting in their own workspace; throws a 401 where nobody does. */
  readonly authenticate: (token: string) => Promise<AccountActor | KeyActor>;
  /** Who was given a one-time ticket, which is used up by this; throws a 401 where it is none. */
  readonly redeemTicket: (ticket: string) => Promise<AccountActor>;
  /** What the caller may do in a workspace; undefined when it is none of theirs, or is not there. */
  readonly findRole: (actor: AccountActor | KeyActor, workspaceId: string) => Promise<Role | undefined>;
  readonly operatorToken: Secret;
  readonly trustLoopbackOperator: boolean;
}

export type Authenticate = (
  request: FastifyRequest,
  head: Pick<Head, 'caller' | 'ticket'> & { readonly access?: Access },
  /** The workspace that the path names, if it names one; read only once the caller is known. */
  workspaceInPath?: () => string | undefined,
) => Promise<Actor>;

export function createAuthenticate(parts: Authentication): Authenticate {
  return async (request, head, workspaceInPath) => {
    if (head.caller === 'anyone') return { kind: 'anyone' };
    const token = readBearer(request.headers.authorization);
    if (head.caller === 'operator' || head.caller === 'watcher')
      return authenticateOperator(parts, request, { token, isWatching: head.caller === 'watcher' });
    const caller = await recognise(parts, token, head.ticket === true ? readTicket(request) : undefined);
    requireKind(caller, head.caller);
    const actor = await enterWorkspace(parts, caller, readHeader(request, 'alcove-workspace'));
    return head.access === undefined ? actor : requireAccess(parts, actor, head.access, workspaceInPath?.());
  };
}

function recognise(
  { authenticate, redeemTicket }: Authentication,
  token: string | undefined,
  ticket: string | undefined,
): Promise<AccountActor | KeyActor> {
  if (token !== undefined) return authenticate(token);
  if (ticket !== undefined) return redeemTicket(ticket);
  throw unauthenticated({ detail: missing, headers: challenge });
}

const missing = 'Send Authorization: Bearer followed by an access token.';
const challenge = { 'WWW-Authenticate': 'Bearer' };

function requireKind(actor: AccountActor | KeyActor, expected: Head['caller']): void {
  if (expected === 'member') return;
  if (expected === 'key') {
    if (actor.kind !== 'key') throw keyRequired();
    return;
  }
  if (actor.kind !== 'account') throw accountRequired();
  if (expected === 'device' && actor.deviceId === undefined) throw deviceRequired();
}

type Member = AccountActor | KeyActor;

/** A workspace that the caller names is checked on every route, also on those that do not need one. */
async function enterWorkspace(
  parts: Authentication,
  actor: Member,
  workspaceId: string | undefined,
): Promise<Member> {
  if (workspaceId === undefined || workspaceId === actor.workspaceId) return actor;
  await requireRole(parts, actor, workspaceId);
  return { ...actor, workspaceId };
}

async function requireAccess(
  parts: Authentication,
  actor: Member,
  access: Access,
  workspaceId: string = actor.workspaceId,
): Promise<MemberActor> {
  const role = await requireRole(parts, actor, workspaceId);
  if (actor.kind === 'key' && (access.scope === undefined || !hasScope(actor.scopes, access.scope)))
    throw scopeMissing(`This call needs the scope ${access.scope}.`);
  if (!isRoleAtLeast(role, access.role))
    throw forbidden(`This call needs the role ${access.role} or more; the caller is ${role}.`);
  return { ...actor, workspaceId, role };
}

async function requireRole(parts: Authentication, actor: Member, workspaceId: string): Promise<Role> {
  // What is not even an id cannot be looked for; it answers like one that does not exist.
  const role = uuid.test(workspaceId) ? await parts.findRole(actor, workspaceId) : undefined;
  if (role === undefined) throw workspaceNotFound();
  return role;
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function authenticateOperator(
  parts: Authentication,
  request: FastifyRequest,
  { token, isWatching }: { readonly token: string | undefined; readonly isWatching: boolean },
): Actor {
  if (token === undefined && isWatching && parts.trustLoopbackOperator && isDirectLoopback(request))
    return { kind: 'operator' };
  if (token === undefined)
    throw unauthenticated({ detail: "This call needs the operator's token.", headers: challenge });
  if (!isSameText(token, parts.operatorToken.reveal())) {
    throw unauthenticated({ detail: "The operator's token is wrong.", headers: challenge });
  }
  return { kind: 'operator' };
}

/**
 * Behind a proxy on the same machine everybody seems to come from here, so a forwarded request never counts. Nor does one
 * for another host: a page that makes its own name mean this machine has a browser here send it.
 */
function isDirectLoopback(request: FastifyRequest): boolean {
  const forwarded = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some(
    (name) => name in request.headers,
  );
  const address = request.socket.remoteAddress ?? '';
  const plain = isIPv6(address) ? address.replace(/^::ffff:/, '') : address;
  return !forwarded && isOwnHost(request.headers.host) && (plain === '::1' || plain.startsWith('127.'));
}

/** Addresses and `localhost` are nobody else's names. */
function isOwnHost(host = ''): boolean {
  const name = host.replace(/:\d+$/, '').replace(/^\[(.+)\]$/, '$1');
  return isIP(name) !== 0 || name === 'localhost';
}

function readBearer(header: string | undefined): string | undefined {
  return header === undefined ? undefined : /^Bearer ([\x21-\x7e]{1,4096})$/i.exec(header)?.[1];
}

function readTicket({ query }: FastifyRequest): string | undefined {
  if (typeof query !== 'object' || query === null || !('ticket' in query)) return undefined;
  return typeof query.ticket === 'string' ? query.ticket : undefined;
}

function readHeader(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}
