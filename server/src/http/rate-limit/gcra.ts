/**
 * The generic cell rate algorithm: a limit needs one number for each caller, the time up to which its requests so far
 * have used the quota. How far that time lies ahead of now is all that decides, so the stores keep it and this file
 * reads it.
 */

/** So many requests within so much time, all at once or spread. */
export interface Policy {
  readonly name: string;
  readonly quota: number;
  readonly windowSeconds: number;
}

/** What is left of a policy for one caller. */
export interface Standing {
  readonly policy: Policy;
  readonly remaining: number;
  /** When one more request than now will be admitted. */
  readonly moreInSeconds: number;
}

export const windowMsOf = ({ windowSeconds }: Policy): number => windowSeconds * 1000;
/** How much of the window one request uses. */
export const costMsOf = (policy: Policy): number => windowMsOf(policy) / policy.quota;

/** Windows that do not divide by their quota are sums of fractions: what is this close to the edge lies on it. */
const toleranceMs = 0.01;

/** Whether one more request fits, for a caller whose requests so far reach `aheadMs` beyond now. */
export function admits(policy: Policy, aheadMs: number): boolean {
  return aheadMs + costMsOf(policy) <= windowMsOf(policy) + toleranceMs;
}

export function standingOf(policy: Policy, aheadMs: number): Standing {
  const costMs = costMsOf(policy);
  const remaining = Math.max(0, Math.floor((windowMsOf(policy) - aheadMs + toleranceMs) / costMs));
  const moreInMs = Math.max(0, aheadMs + (remaining + 1) * costMs - windowMsOf(policy));
  return { policy, remaining, moreInSeconds: Math.ceil((moreInMs - toleranceMs) / 1000) };
}
