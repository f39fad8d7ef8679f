/**
 * How many calls of one account may be under way. A vault answers one after the other and shares its worker with others:
 * without a bound, one account's thousand requests would make all of those wait.
 */
import { tooManyCalls } from './errors.ts';

export interface CallLimit {
  within<T>(accountId: string, work: () => Promise<T>): Promise<T>;
}

export function createCallLimit(callsMax: number): CallLimit {
  const underWay = new Map<string, number>();

  return {
    async within(accountId, work) {
      const count = underWay.get(accountId) ?? 0;
      if (count >= callsMax) throw refuse(callsMax);
      underWay.set(accountId, count + 1);
      try {
        return await work();
      } finally {
        leave(underWay, accountId);
      }
    },
  };
}

function leave(underWay: Map<string, number>, accountId: string): void {
  const left = (underWay.get(accountId) ?? 1) - 1;
  if (left === 0) underWay.delete(accountId);
  else underWay.set(accountId, left);
}

const refuse = (callsMax: number) =>
  tooManyCalls({
    detail: `${callsMax} calls are under way already. Wait for their answers.`,
    headers: { 'Retry-After': '1' },
  });
