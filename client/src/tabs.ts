/** What clients that share a store tell each other, so that each hears of what any of them did. */
import type { Kind } from '@alcove/contract';
import type { LiveState } from './live.ts';
import type { News } from './storage/storage.ts';

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
  /** Whether anybody here wants to hear of other programs. */
  listen(isListening: boolean): void;
  close(): void;
}

/**
 * Joins the others in this browser, or in this Node process, and by the store those in other processes.
 *
 * @param name Something that those who share the store, and nobody else, have in common.
 */
export function joinTabs(
  name: string,
  joinNews: (onText: (text: string) => void) => News,
  onMessage: (message: TabMessage) => void,
): Tabs {
  const channel = new BroadcastChannel(`alcove:${name}`);
  channel.onmessage = ({ data }) => onMessage(data);
  // In Node an open channel would keep the process from ending.
  if ('unref' in channel && typeof channel.unref === 'function') channel.unref();
  const news = joinNews((text) => onMessage(JSON.parse(text)));
  return {
    post(message) {
      channel.postMessage(message);
      news.post(JSON.stringify(message));
    },
    listen: news.listen,
    close() {
      channel.close();
      news.close();
    },
  };
}
