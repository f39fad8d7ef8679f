import type { Redis } from '../redis/index.ts';
import type { Logger } from '../telemetry/index.ts';
import type { Fanout } from './fanout.ts';
import { createInProcessFanout } from './in-process.ts';
import { createPostgresFanout } from './postgres.ts';
import { createRedisFanout } from './redis.ts';

/** Through Redis where there is one, else through the PostgreSQL that nodes share; with neither there is one node. */
export function createFanout(parts: {
  readonly redis: Redis | undefined;
  readonly databaseUrl: string | undefined;
  readonly log: Logger;
}): Fanout {
  const { redis, databaseUrl, log } = parts;
  if (redis !== undefined) return createRedisFanout({ redis, log });
  return databaseUrl === undefined
    ? createInProcessFanout()
    : createPostgresFanout({ url: databaseUrl, log });
}
