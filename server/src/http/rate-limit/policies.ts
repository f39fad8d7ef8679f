import type { Policy } from './gcra.ts';
import type { RateClass, RatePolicies } from './limiter.ts';

/** Requests in any ten seconds, and in any hour. */
export interface RateLimit {
  readonly burst: number;
  readonly sustained: number;
}

const burstSeconds = 10;
const sustainedSeconds = 3600;

/** `scale` multiplies every quota; 0 turns the limits off. */
export function ratePolicies(limits: Readonly<Record<RateClass, RateLimit>>, scale: number): RatePolicies {
  const of = (rate: RateClass): readonly Policy[] => (scale === 0 ? [] : pair(rate, limits[rate], scale));
  return {
    read: of('read'),
    write: of('write'),
    'sign-in': of('sign-in'),
    refresh: of('refresh'),
    poll: of('poll'),
    costly: of('costly'),
    address: of('address'),
  };
}

function pair(rate: RateClass, { burst, sustained }: RateLimit, scale: number): Policy[] {
  const scaled = (quota: number) => Math.max(1, Math.round(quota * scale));
  return [
    { name: `${rate}-burst`, quota: scaled(burst), windowSeconds: burstSeconds },
    { name: `${rate}-sustained`, quota: scaled(sustained), windowSeconds: sustainedSeconds },
  ];
}
