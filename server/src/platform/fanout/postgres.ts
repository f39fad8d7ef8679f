/**
 * News by LISTEN and NOTIFY on a connection of its own. NOTIFY is part of the transaction: PostgreSQL sends it with the
 * commit or never, and before the one who commits hears of it, so that other nodes usually know by the time the caller does.
 *
 * A connection may die without a word, and a pooler between us may not pass notifications on. Both show in that the node
 * no longer hears what it says to itself.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import pg from 'pg';
import type { Logger } from '../telemetry/index.ts';
import { createListeners, type Fanout, packNews, unpackNews } from './fanout.ts';
import { createOutbox } from './outbox.ts';

const channel = 'alcove_news';
const echoTopic = 'echo';
const echoEveryMs = 5000;
const echoWithinMs = 3000;
const reconnectAfterMs = 500;
const connectTimeoutMs = 5000;

export function createPostgresFanout(parts: { readonly url: string; readonly log: Logger }): Fanout {
  const { log } = parts;
  const listeners = createListeners();
  const stopping = new AbortController();
  let isUp = false;
  /** The connection, while it is known to be heard. */
  let voice: pg.Client | undefined;
  const outbox = createOutbox({
    stopping: stopping.signal,
    async send(texts) {
      if (voice === undefined) throw new Error('there is no connection for news');
      await voice.query('select pg_notify($1, news) from unnest($2::text[]) news', [channel, texts]);
    },
  });

  function setVoice(client: pg.Client | undefined): void {
    voice = client;
    const isUpNow = client !== undefined;
    if (isUp === isUpNow) return;
    isUp = isUpNow;
    // Going down, nothing more will be heard; coming up, something may have been missed.
    listeners.reportGap();
    if (isUpNow) log.debug('hears news of other nodes');
    else if (!stopping.signal.aborted)
      log.warn('hears no news of other nodes; memory is trusted only briefly');
  }

  async function listenForEver(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await listenOnce(parts.url, stopping.signal, { onNews, onHearing: setVoice });
      } catch (err) {
        if (!stopping.signal.aborted) log.debug({ err }, 'the connection for news of other nodes broke');
      }
      setVoice(undefined);
      await sleep(reconnectAfterMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  function onNews(text: string): void {
    const [topic, message] = unpackNews(text);
    listeners.deliver(topic, message);
  }

  const ended = listenForEver();
  return {
    isAlone: false,
    subscribe: listeners.subscribe,
    onGap: listeners.onGap,
    isListening: () => isUp,
    async publish({ tx, afterCommit }, topic, message) {
      await sql`select pg_notify(${channel}, ${packNews(topic, message)})`.execute(tx);
      // This node need not wait for its own news to come back.
      afterCommit(() => listeners.deliver(topic, message));
    },
    tell(topic, message) {
      listeners.deliver(topic, message);
      outbox.add(packNews(topic, message));
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await ended;
    },
  };
}

interface Ear {
  onNews(text: string): void;
  /** Its own words came back: it hears. */
  onHearing(client: pg.Client): void;
}

/** Listens on one connection until that breaks, falls silent or is told to stop. */
async function listenOnce(url: string, signal: AbortSignal, ear: Ear): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'alcove news',
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
  });
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => undefined);
  client.on('error', broken.reject);
  client.on('end', () => broken.reject(new Error('the connection ended')));
  const stop = () => broken.reject(new Error('stopping'));
  signal.addEventListener('abort', stop);
  try {
    await Promise.race([client.connect(), broken.promise]);
    const ownEcho = listenForEcho(client, ear);
    await Promise.race([client.query(`listen ${channel}`), broken.promise]);
    for (;;) {
      await Promise.race([ownEcho(), broken.promise]);
      ear.onHearing(client);
      await Promise.race([sleep(echoEveryMs, undefined, { signal }), broken.promise]);
    }
  } finally {
    signal.removeEventListener('abort', stop);
    // A connection that does not answer would not answer to its end either.
    client.end().catch(() => undefined);
  }
}

/** Passes news on; what it answers says a word to itself and resolves once it is heard. */
function listenForEcho(client: pg.Client, { onNews }: Ear): () => Promise<void> {
  const word = randomUUID();
  let heard = Promise.withResolvers<void>();
  client.on('notification', ({ payload = '' }) => {
    const [topic, message] = unpackNews(payload);
    if (topic !== echoTopic) return onNews(payload);
    if (message === word) heard.resolve();
  });
  return async () => {
    heard = Promise.withResolvers();
    await client.query('select pg_notify($1, $2)', [channel, packNews(echoTopic, word)]);
    await within(echoWithinMs, heard.promise);
  };
}

async function within(ms: number, promise: Promise<void>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`nothing was heard for ${ms} ms`)), ms);
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
