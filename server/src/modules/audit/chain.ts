/**
 * The chain: every entry's hash covers the entry and the hash before it, so a change anywhere shows everywhere after it.
 * The hash is SHA-256 over the previous hash and, as UTF-8, the JSON list of the entry's columns in the order below.
 */
import { createHash } from 'node:crypto';

export interface Link {
  readonly id: string;
  readonly workspace_id: string;
  readonly position: number;
  readonly at: Date;
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly ip: string;
  readonly request_id: string;
  readonly detail: string;
}

export interface ChainedLink extends Link {
  readonly previous_hash: Buffer;
  readonly hash: Buffer;
}

/** How far a chain has come. */
export interface Head {
  readonly position: number;
  readonly hash: Buffer;
}

export const emptyChain: Head = { position: 0, hash: Buffer.alloc(0) };

export function hashLink(link: Link, previousHash: Uint8Array): Buffer {
  const columns = [
    link.workspace_id,
    link.position,
    link.id,
    link.at.toISOString(),
    link.actor,
    link.action,
    link.target,
    link.ip,
    link.request_id,
    link.detail,
  ];
  return createHash('sha256').update(previousHash).update(JSON.stringify(columns)).digest();
}

/** Why the next link does not follow from the chain so far; undefined when it does. */
export function findBreak(before: Head, link: ChainedLink): string | undefined {
  if (link.position !== before.position + 1) return 'An entry before this one is missing.';
  if (!link.previous_hash.equals(before.hash)) return 'It does not follow from the entry before it.';
  if (!link.hash.equals(hashLink(link, link.previous_hash))) return 'It was changed.';
  return undefined;
}
