import { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { createLogger } from '../platform/telemetry/index.ts';
import { createClientAddress } from './client-address.ts';

const lines: string[] = [];
const log = createLogger({ level: 'warn', write: (line) => lines.push(line) });
const addressOf = createClientAddress(
  [
    ['10.0.0.0', 8],
    ['2001:db8:ffff::', 48],
  ],
  log,
);

function from(peer: string, forwarded?: string) {
  const socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: peer });
  return addressOf({ socket, headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded } });
}

test.each([
  ['without a proxy', '192.0.2.1', undefined, '192.0.2.1'],
  ['as an IPv4 caller on a socket for both kinds', '::ffff:192.0.2.1', undefined, '192.0.2.1'],
  ['whatever a stranger writes', '192.0.2.1', '198.51.100.9', '192.0.2.1'],
  ['what the trusted proxy wrote', '10.0.0.1', '198.51.100.9', '198.51.100.9'],
  ['behind a proxy that speaks IPv6', '2001:db8:ffff::1', '2001:db8::5', '2001:db8::5'],
  ['the last one, when the caller wrote others before', '10.0.0.1', '1.1.1.1, 198.51.100.9', '198.51.100.9'],
  ['the one before a chain of trusted proxies', '10.0.0.1', '198.51.100.9, 10.0.0.7', '198.51.100.9'],
  ['the outermost, when all are trusted', '10.0.0.1', '10.0.0.9, 10.0.0.7', '10.0.0.9'],
  ['with a port', '10.0.0.1', '198.51.100.9:4711', '198.51.100.9'],
  ['with brackets and a port', '10.0.0.1', '[2001:db8::5]:4711', '2001:db8::5'],
  ['the proxy itself, when what it wrote is no address', '10.0.0.1', 'unknown', '10.0.0.1'],
  ['not beyond what is no address', '10.0.0.1', '198.51.100.9, <script>, 10.0.0.7', '10.0.0.7'],
  ['the proxy itself, when it wrote nothing', '10.0.0.1', '', '10.0.0.1'],
])('an address is read %s', (_how, peer, forwarded, expected) => {
  expect(from(peer, forwarded)).toBe(expected);
});

test('a proxy that nobody named is warned of once, without what it forwards', () => {
  from('203.0.113.1', '198.51.100.77');
  from('203.0.113.1', '198.51.100.77');
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('ALCOVE_TRUSTED_PROXIES');
  expect(lines.join()).not.toContain('198.51.100.77');
});
