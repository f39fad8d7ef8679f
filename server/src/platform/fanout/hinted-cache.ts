import { BoundedMap } from '../cache/index.ts';
import type { Committing, Fanout } from './fanout.ts';

/** Answers of the database that are kept in memory until some node says that they changed. */
export interface HintedCache<Value> {
  /** What is known of `key`, or else what `load` answers. Failures are not kept, nor absences: those could be made up. */
  get(key: string, load: () => Promise<Value | undefined>): Promise<Value | undefined>;
  /** Makes every node ask anew, from the commit on. */
  forget(committing: Committing, keys: readonly string[]): Promise<void>;
}

/** How long an answer is believed: as long as news arrive, and when they do not. News are hints, so neither is for ever. */
const trustedMs = { listening: 60_000, deaf: 2000 } as const;
/** What fits into one message of PostgreSQL. */
const keysPerMessage = 100;

export function createHintedCache<Value>(parts: {
  readonly fanout: Fanout;
  readonly topic: string;
  readonly sizeMax: number;
  /** Never believes an answer longer than that. */
  readonly believedMsMax?: number;
  /** Milliseconds that only ever grow. */
  readonly now?: () => number;
}): HintedCache<Value> {
  const {
    fanout,
    topic,
    sizeMax,
    believedMsMax = trustedMs.listening,
    now = () => performance.now(),
  } = parts;
  let entries = new BoundedMap<
    string,
    { readonly since: number; readonly value: Promise<Value | undefined> }
  >(sizeMax);
  fanout.subscribe(topic, (message) => {
    for (const key of message.split(',')) entries.delete(key);
  });
  fanout.onGap(() => {
    entries = new BoundedMap(sizeMax);
  });

  return {
    get(key, load) {
      const known = entries.get(key);
      const believedMs = Math.min(believedMsMax, fanout.isListening() ? trustedMs.listening : trustedMs.deaf);
      if (known !== undefined && now() - known.since < believedMs) return known.value;
      // Kept before it is loaded: news that arrive in between take it away again.
      const entry = { since: now(), value: load() };
      entries.set(key, entry);
      const drop = () => {
        if (entries.get(key) === entry) entries.delete(key);
      };
      entry.value.then((value) => value ?? drop(), drop);
      return entry.value;
    },
    async forget(committing, keys) {
      for (let at = 0; at < keys.length; at += keysPerMessage)
        await fanout.publish(committing, topic, keys.slice(at, at + keysPerMessage).join(','));
    },
  };
}
