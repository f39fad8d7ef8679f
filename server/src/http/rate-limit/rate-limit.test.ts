import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { limitedAddress } from '../../platform/addresses/index.ts';
import { Secret } from '../../platform/crypto/index.ts';
import { createRedis, type Redis } from '../../platform/redis/index.ts';
import { redisIsInstalled, startTestRedis, type TestRedis } from '../../testing/redis.ts';
import { limitFields } from './fields.ts';
import { type Policy, standingOf } from './gcra.ts';
import { createMemoryStore } from './memory-store.ts';
import { createRedisStore } from './redis-store.ts';
import type { LimitStore, Taken } from './store.ts';

const burst: Policy = { name: 'burst', quota: 3, windowSeconds: 10 };
const sustained: Policy = { name: 'sustained', quota: 5, windowSeconds: 1000 };

function createStore(callersMax = 100) {
  let nowMs = 1_763_600_000_000;
  const store = createMemoryStore({ clock: { now: () => nowMs }, callersMax });
  const forward = (ms: number) => {
    nowMs += ms;
  };
  return { store, forward };
}

const takeMany = async (store: LimitStore, count: number, policies: readonly Policy[], caller = 'ada') => {
  const answers: Taken[] = [];
  for (let at = 0; at < count; at += 1) answers.push(await store.take(caller, policies));
  return answers.map(({ isAdmitted }) => isAdmitted);
};

test('a quota may be used all at once, and not one request more', async () => {
  const { store } = createStore();
  expect(await takeMany(store, 4, [burst])).toEqual([true, true, true, false]);
});

test('what was used comes back evenly over the window', async () => {
  const { store, forward } = createStore();
  await takeMany(store, 3, [burst]);
  forward(3300);
  expect(await takeMany(store, 1, [burst])).toEqual([false]);
  forward(34);
  expect(await takeMany(store, 2, [burst])).toEqual([true, false]);
});

test('a request that one policy refuses is charged to neither', async () => {
  const { store, forward } = createStore();
  await takeMany(store, 3, [burst, sustained]);
  expect(await takeMany(store, 20, [burst, sustained])).not.toContain(true);
  forward(10_000);
  expect(await takeMany(store, 3, [burst, sustained])).toEqual([true, true, false]);
});

test('callers do not share what they may', async () => {
  const { store } = createStore();
  await takeMany(store, 3, [burst], 'ada');
  expect(await takeMany(store, 1, [burst], 'bob')).toEqual([true]);
});

test('an attacker with ever new addresses cannot make the memory grow', async () => {
  const { store } = createStore(100);
  for (let at = 0; at < 10_000; at += 1) await store.take(`address ${at}`, [burst, sustained]);
  expect(store.size).toBe(100);
});

test('no pattern of requests gets more than the quota into any window after a full one', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 1, max: 60 }),
      fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 200 }),
      (quota, windowSeconds, gapsMs) => {
        const policy: Policy = { name: 'any', quota, windowSeconds };
        const { store, forward } = createStore();
        let nowMs = 0;
        const admittedAt: number[] = [];
        for (const gap of gapsMs) {
          forward(gap);
          nowMs += gap;
          const taken = store.take('ada', [policy]);
          if ('isAdmitted' in taken && taken.isAdmitted) admittedAt.push(nowMs);
        }
        // A full quota at once and what comes back meanwhile: never more than two quotas in one window.
        for (const start of admittedAt) {
          const within = admittedAt.filter((at) => at >= start && at < start + windowSeconds * 1000);
          expect(within.length).toBeLessThanOrEqual(2 * quota);
        }
        const spanMs = (admittedAt.at(-1) ?? 0) - (admittedAt[0] ?? 0);
        expect(admittedAt.length).toBeLessThanOrEqual(
          quota + (spanMs * quota) / (windowSeconds * 1000) + 0.01,
        );
      },
    ),
  );
});

test.each([
  ['nothing used', 0, 3, 4],
  ['one used just now', 10_000 / 3, 2, 4],
  ['one used, of which a third came back', 2222, 2, 3],
  ['all but used up', 3334, 1, 1],
  ['used up', 10_000, 0, 4],
  ['used up, and about to admit one', 6667, 0, 1],
])(
  'with %s, %d ms ahead, %d requests remain, and one more in %d s',
  (_name, aheadMs, remaining, moreInSeconds) => {
    expect(standingOf(burst, aheadMs)).toEqual({ policy: burst, remaining, moreInSeconds });
  },
);

test('the fields are lists of quoted names, as draft 11 writes them', () => {
  const standings = [standingOf(burst, 3334), standingOf(sustained, 1000)];
  expect(limitFields(standings)).toEqual({
    'RateLimit-Policy': '"burst";q=3;w=10, "sustained";q=5;w=1000',
    RateLimit: '"burst";r=1;t=1, "sustained";r=4;t=1',
  });
});

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::1', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::ffff', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
])('%s is limited as %s', (ip, expected) => {
  expect(limitedAddress(ip)).toBe(expected);
});

describe.skipIf(!redisIsInstalled)('with Redis', () => {
  let server: TestRedis;
  let redis: Redis;
  beforeAll(async () => {
    server = await startTestRedis();
    redis = createRedis(new Secret(server.url), () => undefined);
  });
  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  test('two nodes that ask at once admit a quota between them, not one each', async () => {
    await using other = createRedis(new Secret(server.url), () => undefined);
    const wide = [
      { ...burst, quota: 50, windowSeconds: 3600 },
      { ...sustained, quota: 60, windowSeconds: 7200 },
    ];
    const stores = [createRedisStore(redis), createRedisStore(other)];
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, at) => stores[at % 2]?.take('parallel', wide)),
    );
    expect(answers.filter((answer) => answer?.isAdmitted).length).toBe(50);
  });

  test('it decides as the memory does, to the last request and the last field', async () => {
    const shared = createRedisStore(redis);
    const { store: local } = createStore();
    const slow = [{ ...burst, windowSeconds: 1000 }, sustained];
    for (let at = 0; at < 6; at += 1) {
      const [here, there] = [await local.take('same', slow), await shared.take('same', slow)];
      expect(there.isAdmitted).toBe(here.isAdmitted);
      there.aheadMs.forEach((ms, policy) => {
        // Redis runs by its own clock, on which a little time has passed.
        expect(Math.abs(ms - (here.aheadMs[policy] ?? 0))).toBeLessThan(30_000);
      });
    }
  });

  test('a caller who is gone leaves nothing behind', async () => {
    const brief: Policy = { name: 'brief', quota: 10, windowSeconds: 1 };
    await createRedisStore(redis).take('brief', [brief]);
    const [timeToLiveMs] = await redis.runScript(
      "return { redis.call('PTTL', KEYS[1]) }",
      ['alcove:limit:brief'],
      [],
    );
    expect(Number(timeToLiveMs)).toBeGreaterThan(0);
    expect(Number(timeToLiveMs)).toBeLessThanOrEqual(100);
  });

  test('without Redis the question fails soon, so that the caller is not kept waiting', async () => {
    await using gone = await startTestRedis();
    await using client = createRedis(new Secret(gone.url), () => undefined);
    const store = createRedisStore(client);
    await store.take('x', [burst]);
    await gone.stop();
    const askedAt = performance.now();
    await expect(store.take('x', [burst])).rejects.toThrow();
    expect(performance.now() - askedAt).toBeLessThan(2000);
  });
});
