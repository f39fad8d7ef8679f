import type { Redis } from '../redis/index.ts';
import type { Logger } from '../telemetry/index.ts';
import type { Fanout } from './fanout.ts';
import { createInProcessFanout } from './in-process.ts';
import { createPostgresFanout } from './postgres.ts';
import { createRedisFanout } from './redis.ts';

/** The embedded database has one node. Nodes that share a PostgreSQL hear each other through it, or through Redis where there is one. */
export function createFanout(parts: {
  readonly redis: Redis | undefined;
  readonly databaseUrl: string | undefined;
  readonly log: Logger;
}): Fanout {
  const { redis, databaseUrl, log } = parts;
  if (databaseUrl === undefined) return createInProcessFanout();
  return redis === undefined
    ? createPostgresFanout({ url: databaseUrl, log })
    : createRedisFanout({ redis, log });
}
