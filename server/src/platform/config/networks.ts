import { isIP } from 'node:net';
import type { Setting } from './kinds.ts';

/** A network as its address and the length of its prefix. */
export type Network = readonly [address: string, prefix: number];

/** A list of networks in CIDR notation; an address alone is a network of one. */
export function networks(words: Pick<Setting<unknown>, 'name' | 'what'>): Setting<readonly Network[]> {
  return {
    ...words,
    fallback: [],
    expected: 'networks separated by commas, such as 10.0.0.0/8,::1',
    parse: (list) => {
      const parsed = list.split(',').map((text) => networkOf(text.trim()));
      return parsed.every((network) => network !== undefined) ? parsed : undefined;
    },
  };
}

function networkOf(text: string): Network | undefined {
  const [, address = '', digits] = /^([0-9a-fA-F.:]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  const prefix = digits === undefined ? bits : Number(digits);
  return prefix >= 0 && prefix <= bits ? [address, prefix] : undefined;
}
