/** What clients that share a store tell each other, so that each hears of what any of them did. */
import type { Kind } from '@alcove/contract';
import type { LiveState } from './live.ts';

/** One item that changed, as it is told. What it holds now, everybody reads for themselves. */
export interface ToldChange {
  readonly kind: Kind;
  readonly id: string;
  readonly origin: 'local' | 'remote';
  readonly isConflict: boolean;
}

export interface ToldStatus {
  /** Known to the one who syncs for all. */
  readonly live?: LiveState;
  readonly error?: { readonly code: string; readonly message: string };
}

export type TabMessage =
  | { readonly type: 'changes'; readonly changes: readonly ToldChange[] }
  /** Somebody new wants to know how things stand. */
  | { readonly type: 'hello' }
  /** A sync began or ended, or the live channel changed. */
  | ({ readonly type: 'status' } & ToldStatus);

export interface Tabs {
  post(message: TabMessage): void;
  close(): void;
}

/**
 * Joins the others in this browser, or in this Node process. Those in other processes are not reached: they see what
 * changed with the next read.
 *
 * @param name Something that those who share the store, and nobody else, have in common.
 */
export function joinTabs(name: string, onMessage: (message: TabMessage) => void): Tabs {
  const channel = new BroadcastChannel(`alcove:${name}`);
  channel.onmessage = ({ data }) => onMessage(data);
  // In Node an open channel would keep the process from ending.
  if ('unref' in channel && typeof channel.unref === 'function') channel.unref();
  return { post: (message) => channel.postMessage(message), close: () => channel.close() };
}
