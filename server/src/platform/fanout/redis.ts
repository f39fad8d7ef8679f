/**
 * News through Redis, for deployments whose way to PostgreSQL does not carry notifications. They are sent after the
 * commit and tried again while Redis is away; a node that dies in between takes them with it, which is why no memory
 * that rests on news is trusted for longer than a minute.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from '../redis/index.ts';
import type { Logger } from '../telemetry/index.ts';
import { createListeners, type Fanout, packNews, unpackNews } from './fanout.ts';
import { createOutbox } from './outbox.ts';

const channel = 'alcove:news';
const retryAfterMs = 200;
/** As long as any memory may live: later the news are none. */
const retriedForMs = 60_000;

export function createRedisFanout({ redis, log }: { readonly redis: Redis; readonly log: Logger }): Fanout {
  const listeners = createListeners();
  const stopping = new AbortController();
  let isUp = false;

  function setUp(isUpNow: boolean): void {
    if (isUp === isUpNow) return;
    isUp = isUpNow;
    listeners.reportGap();
  }
  redis.listen(channel, {
    onUp: () => setUp(true),
    onDown: () => setUp(false),
    onMessage: (text) => listeners.deliver(...unpackNews(text)),
  });

  const outbox = createOutbox({
    stopping: stopping.signal,
    async send(texts) {
      await Promise.all(texts.map((text) => redis.publish(channel, text)));
    },
  });

  async function send(text: string): Promise<void> {
    const until = performance.now() + retriedForMs;
    while (!stopping.signal.aborted && performance.now() < until) {
      try {
        return await redis.publish(channel, text);
      } catch {
        await sleep(retryAfterMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
    log.warn('news for other nodes could not be sent in time');
  }

  return {
    isAlone: false,
    subscribe: listeners.subscribe,
    onGap: listeners.onGap,
    isListening: () => isUp,
    async publish({ afterCommit }, topic, message) {
      afterCommit(() => {
        listeners.deliver(topic, message);
        void send(packNews(topic, message));
      });
    },
    tell(topic, message) {
      listeners.deliver(topic, message);
      outbox.add(packNews(topic, message));
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
    },
  };
}
