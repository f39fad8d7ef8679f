/** The header fields that tell a caller where it stands (draft-ietf-httpapi-ratelimit-headers-11). */
import type { Standing } from './gcra.ts';

export function limitFields(standings: readonly Standing[]): Record<string, string> {
  return {
    'RateLimit-Policy': list(
      standings,
      ({ policy }) => `"${policy.name}";q=${policy.quota};w=${policy.windowSeconds}`,
    ),
    RateLimit: list(
      standings,
      ({ policy, remaining, moreInSeconds }) => `"${policy.name}";r=${remaining};t=${moreInSeconds}`,
    ),
  };
}

/** Not before every policy admits again. */
export function retryAfterSeconds(standings: readonly Standing[]): number {
  const exhausted = standings.filter(({ remaining }) => remaining === 0);
  return Math.max(1, ...exhausted.map(({ moreInSeconds }) => moreInSeconds));
}

const list = (standings: readonly Standing[], render: (standing: Standing) => string) =>
  standings.map(render).join(', ');
