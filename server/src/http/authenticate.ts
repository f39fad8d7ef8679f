/** Who is calling, found out from the headers before the body is read. */
import { isIPv6 } from 'node:net';
import type { FastifyRequest } from 'fastify';
import type { Actor } from '../context.ts';
import type { Secret } from '../platform/crypto/index.ts';
import { isSameText } from '../platform/crypto/index.ts';
import { deviceRequired, unauthenticated } from './errors.ts';
import type { Head } from './route.ts';

export interface Authentication {
  /** Finds the account behind an access token; throws where there is none. */
  readonly authenticateAccount: (token: string, workspaceId: string | undefined) => Promise<Actor>;
  readonly operatorToken: Secret;
  readonly trustLoopbackOperator: boolean;
}

export function createAuthenticate(parts: Authentication) {
  return async (request: FastifyRequest, caller: Head['caller']): Promise<Actor> => {
    if (caller === 'anyone') return { kind: 'anyone' };
    const token = readBearer(request.headers.authorization);
    if (caller === 'operator') return authenticateOperator(parts, request, token);
    if (token === undefined) throw unauthenticated({ detail: missing, headers: challenge });
    const actor = await parts.authenticateAccount(token, readHeader(request, 'alcove-workspace'));
    if (caller === 'device' && !(actor.kind === 'account' && actor.deviceId !== undefined))
      throw deviceRequired();
    return actor;
  };
}

const missing = 'Send Authorization: Bearer followed by an access token.';
const challenge = { 'WWW-Authenticate': 'Bearer' };

function authenticateOperator(
  parts: Authentication,
  request: FastifyRequest,
  token: string | undefined,
): Actor {
  if (token === undefined && parts.trustLoopbackOperator && isDirectLoopback(request))
    return { kind: 'operator' };
  if (token === undefined)
    throw unauthenticated({ detail: "This call needs the operator's token.", headers: challenge });
  if (!isSameText(token, parts.operatorToken.reveal())) {
    throw unauthenticated({ detail: "The operator's token is wrong.", headers: challenge });
  }
  return { kind: 'operator' };
}

/** Behind a proxy on the same machine everybody seems to come from here, so a forwarded request never counts. */
function isDirectLoopback(request: FastifyRequest): boolean {
  const forwarded = ['forwarded', 'x-forwarded-for', 'x-real-ip', 'via'].some(
    (name) => name in request.headers,
  );
  const address = request.socket.remoteAddress ?? '';
  const plain = isIPv6(address) ? address.replace(/^::ffff:/, '') : address;
  return !forwarded && (plain === '::1' || plain.startsWith('127.'));
}

function readBearer(header: string | undefined): string | undefined {
  return header === undefined ? undefined : /^Bearer ([\x21-\x7e]{1,4096})$/i.exec(header)?.[1];
}

function readHeader(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}
