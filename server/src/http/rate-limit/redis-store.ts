import type { Redis } from '../../platform/redis/index.ts';
import { costMsOf, windowMsOf } from './gcra.ts';
import type { LimitStore } from './store.ts';

/**
 * The same decision as in `gcra.ts`, made inside Redis so that no two nodes make it at once, by Redis's clock so that
 * nodes need not agree on theirs. One key for each caller, which is gone when it means nothing any more.
 */
const script = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local before, after, longest = {}, {}, 0
local admitted = 1
for at = 1, #ARGV / 2 do
  local cost, window = tonumber(ARGV[2 * at - 1]), tonumber(ARGV[2 * at])
  local used = tonumber(redis.call('HGET', KEYS[1], at) or now)
  before[at] = math.max(0, used - now)
  after[at] = before[at] + cost
  longest = math.max(longest, after[at])
  if after[at] > window + 0.01 then admitted = 0 end
end
if admitted == 1 then
  for at = 1, #after do
    redis.call('HSET', KEYS[1], at, string.format('%.3f', now + after[at]))
  end
  redis.call('PEXPIRE', KEYS[1], math.ceil(longest))
end
local ahead = {}
for at = 1, #after do
  ahead[at] = string.format('%.3f', admitted == 1 and after[at] or before[at])
end
return { admitted, unpack(ahead) }`;

/** The limits that all nodes share. */
export function createRedisStore(redis: Redis): LimitStore {
  return {
    async take(caller, policies) {
      const sizes = policies.flatMap((policy) => [costMsOf(policy), windowMsOf(policy)]);
      const [admitted, ...ahead] = await redis.runScript(script, [`alcove:limit:${caller}`], sizes);
      return { isAdmitted: admitted === 1, aheadMs: ahead.map(Number) };
    },
  };
}
