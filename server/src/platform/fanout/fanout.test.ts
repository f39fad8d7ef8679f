import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { redisIsInstalled, startTestRedis } from '../../testing/redis.ts';
import { copyTemplate } from '../../testing/template.ts';
import { Secret } from '../crypto/index.ts';
import { createDatabase, type Database } from '../database/index.ts';
import { createRedis } from '../redis/index.ts';
import { createLogger } from '../telemetry/index.ts';
import { createFanout, createHintedCache, type Fanout } from './index.ts';

const log = createLogger({ level: 'silent' });

/** A transaction, as far as news are concerned, that commits when `commit` is called. */
function begin() {
  const effects: (() => void)[] = [];
  return {
    committing: { afterCommit: (effect: () => void) => void effects.push(effect) },
    commit: () => {
      for (const effect of effects) effect();
    },
  };
}

interface Node {
  readonly fanout: Fanout;
  readonly heard: string[];
  readonly gaps: () => number;
}

function startNode(options: { redisUrl?: string; databaseUrl?: string | undefined }): Node {
  const redis =
    options.redisUrl === undefined ? undefined : createRedis(new Secret(options.redisUrl), () => undefined);
  const fanout = createFanout({ redis, databaseUrl: options.databaseUrl, log });
  onTestFinished(async () => {
    await fanout[Symbol.asyncDispose]();
    await redis?.[Symbol.asyncDispose]();
  });
  const heard: string[] = [];
  let gaps = 0;
  fanout.subscribe('session', (message) => heard.push(message));
  fanout.onGap(() => {
    gaps += 1;
  });
  return { fanout, heard, gaps: () => gaps };
}

const untilListening = (...nodes: Node[]) =>
  expect.poll(() => nodes.every(({ fanout }) => fanout.isListening()), { timeout: 10_000 }).toBe(true);

/** Publishes in a transaction of the database, which is taken back when `work` throws. */
async function publish(database: Database, fanout: Fanout, message: string, fails = false): Promise<void> {
  const { committing, commit } = begin();
  await database.asOwner(async (tx) => {
    await fanout.publish({ ...committing, tx }, 'session', message);
    if (fails) throw new Error('taken back');
  });
  commit();
}

const template = await copyTemplate();
const database = await createDatabase({
  url: template.database,
  directory: `${template.dataDir}/control`,
  onError: () => undefined,
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
  await template.remove();
});

test('alone, a node hears its own news with the commit, and nothing of what is taken back', async () => {
  const { fanout, heard } = startNode({});
  await expect(publish(database, fanout, 'lost', true)).rejects.toThrow('taken back');
  const { committing, commit } = begin();
  await database.asOwner((tx) => fanout.publish({ ...committing, tx }, 'session', 'kept'));
  expect(heard).toEqual([]);
  commit();
  expect(heard).toEqual(['kept']);
});

describe.skipIf(template.database === undefined)('through PostgreSQL', () => {
  test('every node hears within a second what another one committed, and nothing of what was taken back', async () => {
    const [one, two] = [
      startNode({ databaseUrl: template.database }),
      startNode({ databaseUrl: template.database }),
    ];
    await untilListening(one, two);
    await expect(publish(database, one.fanout, 'lost', true)).rejects.toThrow('taken back');
    await publish(database, one.fanout, 'a message, with spaces');
    expect(one.heard).toContain('a message, with spaces');
    await expect.poll(() => two.heard, { timeout: 1000, interval: 5 }).toEqual(['a message, with spaces']);
  });

  test('a node whose connection was cut says so at once, and hears again soon', async () => {
    const node = startNode({ databaseUrl: template.database });
    await untilListening(node);
    const gaps = node.gaps();
    await cutListeners(template.database ?? '');
    await expect.poll(() => node.fanout.isListening(), { timeout: 1000, interval: 5 }).toBe(false);
    expect(node.gaps()).toBe(gaps + 1);
    await untilListening(node);
    expect(node.gaps()).toBe(gaps + 2);
    await publish(database, node.fanout, 'afterwards');
    expect(node.heard).toContain('afterwards');
  });

  test('without a database to listen to a node stops all the same', async () => {
    const fanout = createFanout({ redis: undefined, databaseUrl: 'postgres://127.0.0.1:1/none', log });
    await sleep(20);
    expect(fanout.isListening()).toBe(false);
    await fanout[Symbol.asyncDispose]();
  });
});

describe.skipIf(!redisIsInstalled)('through Redis', () => {
  test('every node hears what another one committed; away and back again it knows that it missed something', async () => {
    await using redis = await startTestRedis();
    // Where its database is decides whether there may be others; the news themselves never go there.
    const options = { redisUrl: redis.url, databaseUrl: 'postgres://127.0.0.1:1/none' };
    const [one, two] = [startNode(options), startNode(options)];
    await untilListening(one, two);
    await publish(database, one.fanout, 'first');
    await expect.poll(() => two.heard, { timeout: 1000, interval: 5 }).toEqual(['first']);

    const gaps = two.gaps();
    await redis.stop();
    await expect.poll(() => two.fanout.isListening(), { timeout: 2000 }).toBe(false);
    await redis.start();
    await untilListening(one, two);
    expect(two.gaps()).toBe(gaps + 2);
  });
});

describe('what no transaction carries', () => {
  test('is heard by the node itself at once', () => {
    const { fanout, heard } = startNode({});
    fanout.tell('session', 'here');
    expect(heard).toEqual(['here']);
  });

  test.skipIf(template.database === undefined)(
    'goes through PostgreSQL, and what is told while that is away is sent once it is back',
    async () => {
      const nodes = [1, 2].map(() => startNode({ databaseUrl: template.database }));
      await untilListening(...nodes);
      const [one, two] = nodes;
      one?.fanout.tell('session', 'a message, with spaces');
      await expect.poll(() => two?.heard).toEqual(['a message, with spaces']);
      await cutListeners(template.database ?? '');
      await expect.poll(() => nodes.some(({ fanout }) => fanout.isListening())).toBe(false);
      for (let round = 0; round < 3; round += 1) one?.fanout.tell('session', 'later');
      await untilListening(...nodes);
      one?.fanout.tell('session', 'last');
      await expect.poll(() => two?.heard).toContain('last');
    },
  );

  test.skipIf(!redisIsInstalled)('goes through Redis, also when that was away meanwhile', async () => {
    await using redis = await startTestRedis();
    const options = { redisUrl: redis.url, databaseUrl: 'postgres://127.0.0.1:1/none' };
    const [one, two] = [startNode(options), startNode(options)];
    await untilListening(one, two);
    one.fanout.tell('session', 'first');
    await expect.poll(() => two.heard).toEqual(['first']);
    await redis.stop();
    for (let round = 0; round < 3; round += 1) one.fanout.tell('session', 'later');
    await redis.start();
    await untilListening(one, two);
    one.fanout.tell('session', 'last');
    await expect.poll(() => two.heard).toContain('last');
  });
});

describe('a memory that rests on news', () => {
  function createMemory(options: { believedMsMax?: number } = {}) {
    const listeners = new Map<string, (message: string) => void>();
    let gap = () => {};
    let isListening = true;
    let nowMs = 0;
    let loads = 0;
    const fanout: Fanout = {
      isAlone: false,
      subscribe: (topic, listener) => void listeners.set(topic, listener),
      onGap: (listener) => {
        gap = listener;
      },
      isListening: () => isListening,
      publish: async ({ afterCommit }, topic, message) => afterCommit(() => listeners.get(topic)?.(message)),
      tell: (topic, message) => listeners.get(topic)?.(message),
      [Symbol.asyncDispose]: async () => undefined,
    };
    const cache = createHintedCache<string>({
      fanout,
      topic: 'session',
      sizeMax: 10,
      now: () => nowMs,
      ...options,
    });
    const load = (value: string | undefined = 'value') => {
      loads += 1;
      return Promise.resolve(value);
    };
    return {
      cache,
      get: (value?: string) => cache.get('key', () => load(value)),
      loads: () => loads,
      tell: (message: string) => listeners.get('session')?.(message),
      gap: () => gap(),
      forward: (ms: number) => {
        nowMs += ms;
      },
      setListening: (isUp: boolean) => {
        isListening = isUp;
      },
    };
  }

  test('asks once, and anew when some node says so', async () => {
    const memory = createMemory();
    await memory.get();
    await memory.get();
    expect(memory.loads()).toBe(1);
    memory.tell('other,key');
    await memory.get();
    expect(memory.loads()).toBe(2);
  });

  test('believes nothing that was asked before the news came, though its answer comes after', async () => {
    const memory = createMemory();
    const slow = Promise.withResolvers<string>();
    const early = memory.cache.get('key', () => slow.promise);
    memory.tell('key');
    slow.resolve('old');
    expect(await early).toBe('old');
    await memory.get();
    expect(memory.loads()).toBe(1);
  });

  test('forgets everything when news may have been missed', async () => {
    const memory = createMemory();
    await memory.get();
    memory.gap();
    await memory.get();
    expect(memory.loads()).toBe(2);
  });

  test('believes for a minute while it hears, and for two seconds while it does not', async () => {
    const memory = createMemory();
    await memory.get();
    memory.forward(59_000);
    await memory.get();
    expect(memory.loads()).toBe(1);
    memory.setListening(false);
    await memory.get();
    expect(memory.loads()).toBe(2);
    memory.forward(1900);
    await memory.get();
    expect(memory.loads()).toBe(2);
    memory.forward(200);
    await memory.get();
    expect(memory.loads()).toBe(3);
  });

  test('believes no longer than it is told to, though it hears', async () => {
    const memory = createMemory({ believedMsMax: 5000 });
    await memory.get();
    memory.forward(4900);
    await memory.get();
    expect(memory.loads()).toBe(1);
    memory.forward(200);
    await memory.get();
    expect(memory.loads()).toBe(2);
  });

  test('keeps neither a failure nor an absence', async () => {
    const memory = createMemory();
    await expect(memory.cache.get('key', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
    expect(await memory.cache.get('key', async () => undefined)).toBeUndefined();
    expect(await memory.get()).toBe('value');
  });
});

async function cutListeners(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'alcove news'`,
  );
  await client.end();
}
