import type { Clock } from '../../platform/clock/index.ts';
import type { Redis } from '../../platform/redis/index.ts';
import type { Logger } from '../../platform/telemetry/index.ts';
import { createLimiter, type Limiter, type RateClass } from './limiter.ts';
import { createMemoryStore } from './memory-store.ts';
import { type RateLimit, ratePolicies } from './policies.ts';
import { createRedisStore } from './redis-store.ts';

/** Some 200 bytes each. */
const callersMax = 50_000;

/** The limits as the operator set them, counted in Redis where there is one and in this process otherwise. */
export function createRequestLimiter(parts: {
  readonly rates: Readonly<Record<RateClass, RateLimit>> & { readonly scale: number };
  readonly redis: Redis | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}): Limiter {
  const { rates, redis, clock, log } = parts;
  return createLimiter({
    policies: ratePolicies(rates, rates.scale),
    local: {
      addresses: createMemoryStore({ clock, callersMax }),
      actors: createMemoryStore({ clock, callersMax }),
    },
    shared: redis === undefined ? undefined : createRedisStore(redis),
    log,
  });
}
