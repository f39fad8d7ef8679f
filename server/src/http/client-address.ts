/**
 * The address that a request came from. Whoever calls can write any X-Forwarded-For, so it is read only where the
 * connection comes from a proxy that the operator named, and only as far from the right as such proxies wrote it.
 */
import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import type { FastifyRequest } from 'fastify';
import type { Logger } from '../platform/telemetry/index.ts';

export type ClientAddress = (request: Pick<FastifyRequest, 'socket' | 'headers'>) => string;

/** A network as `[address, prefix length]`. */
export type Network = readonly [string, number];

export function createClientAddress(proxies: readonly Network[], log: Logger): ClientAddress {
  const trusted = new BlockList();
  for (const [address, prefix] of proxies) trusted.addSubnet(address, prefix, familyOf(address));
  const warn = createWarning(log);

  return ({ socket, headers }) => {
    const peer = plainAddress(socket.remoteAddress ?? '');
    const forwarded = headers['x-forwarded-for'];
    if (forwarded === undefined) return peer;
    if (!isTrusted(trusted, peer)) {
      warn(peer);
      return peer;
    }
    return lastUntrusted(trusted, peer, String(forwarded).split(','));
  };
}

/** From the right: each trusted hop vouches for the entry before it. What is no address ends the chain. */
function lastUntrusted(trusted: BlockList, peer: string, hops: readonly string[]): string {
  let client = peer;
  for (const hop of hops.toReversed()) {
    const address = plainAddress(withoutPort(hop.trim()));
    if (isIP(address) === 0) return client;
    client = address;
    if (!isTrusted(trusted, address)) return client;
  }
  return client;
}

const isTrusted = (trusted: BlockList, address: string) =>
  isIP(address) !== 0 && trusted.check(address, familyOf(address));

const familyOf = (address: string) => (isIPv6(address) ? 'ipv6' : 'ipv4');

/** An IPv4 caller on a socket that takes both kinds is still an IPv4 caller. */
function plainAddress(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped !== undefined && isIPv4(mapped) ? mapped : address;
}

/** Some proxies write the port too, `192.0.2.1:4711` or `[2001:db8::1]:4711`. */
function withoutPort(hop: string): string {
  return /^\[([^\]]+)\](?::\d+)?$/.exec(hop)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(hop)?.[1] ?? hop;
}

/** Once: everybody behind such a proxy shares one limit, which its operator should learn before its users do. */
function createWarning(log: Logger): (peer: string) => void {
  let isSaid = false;
  return (peer) => {
    if (isSaid) return;
    isSaid = true;
    log.warn(
      { peer },
      'requests carry X-Forwarded-For from an address that ALCOVE_TRUSTED_PROXIES does not name: it is ignored, and ' +
        'everybody behind that address shares its limits',
    );
  };
}
