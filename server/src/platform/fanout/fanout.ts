import type { Transaction } from '../database/index.ts';

/** What a message waits for: it is sent with the commit, and not at all when the transaction is taken back. */
export interface Committing {
  readonly tx: Transaction;
  afterCommit(effect: () => void): void;
}

/**
 * News from one node to all, itself included: what was revoked, what is to be read anew. News are hints. One may arrive
 * twice, and while a node cannot hear, none arrives; what was missed is never told again.
 */
export interface Fanout extends AsyncDisposable {
  /** Whether there is no other node, so that everybody has heard by the time a commit is known: then news are no mere hints. */
  readonly isAlone: boolean;
  /** Messages are short: some thousand bytes at most. */
  publish(committing: Committing, topic: string, message: string): Promise<void>;
  /**
   * Publishes what no transaction of the control database commits. Told again before it could be sent, it is sent once.
   */
  tell(topic: string, message: string): void;
  subscribe(topic: string, listener: (message: string) => void): void;
  /** Called whenever news may have been missed: all that rests on having heard them must be forgotten. */
  onGap(listener: () => void): void;
  /** Whether this node hears the others at this moment. */
  isListening(): boolean;
}

/** The part that all drivers share: who listens to what on this node. */
export interface Listeners {
  readonly subscribe: Fanout['subscribe'];
  readonly onGap: Fanout['onGap'];
  deliver(topic: string, message: string): void;
  reportGap(): void;
}

export function createListeners(): Listeners {
  const byTopic = new Map<string, ((message: string) => void)[]>();
  const gapListeners: (() => void)[] = [];
  return {
    subscribe: (topic, listener) => void byTopic.set(topic, [...(byTopic.get(topic) ?? []), listener]),
    onGap: (listener) => void gapListeners.push(listener),
    deliver(topic, message) {
      for (const listener of byTopic.get(topic) ?? []) listener(message);
    },
    reportGap() {
      for (const listener of gapListeners) listener();
    },
  };
}

/** A message and its topic as one text: topics hold no space. */
export const packNews = (topic: string, message: string): string => `${topic} ${message}`;

export function unpackNews(text: string): readonly [topic: string, message: string] {
  const at = text.indexOf(' ');
  return [text.slice(0, at), text.slice(at + 1)];
}
