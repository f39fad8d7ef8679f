/** How often a caller may call: by address before it is known who calls, and by account or key from then on. */
import type { Actor } from '../../context.ts';
import { limitedAddress } from '../../platform/addresses/index.ts';
import type { Logger } from '../../platform/telemetry/index.ts';
import type { Head, Rate } from '../route.ts';
import { limiterUnavailable, rateLimited } from './errors.ts';
import { limitFields, retryAfterSeconds } from './fields.ts';
import { admits, type Policy, standingOf } from './gcra.ts';
import type { LimitStore, Taken } from './store.ts';

/** A kind of call, by what it costs; `address` is for the calls of people who are yet to be recognised. */
export type RateClass = Rate | 'address';

/** Burst and sustained policy of each class; none at all where limits are turned off. */
export type RatePolicies = Readonly<Record<RateClass, readonly Policy[]>>;

/** Answers the header fields for the response; throws a 429 when a policy refuses. */
export interface Limiter {
  /** Before anybody is recognised; without a head, whatever is no endpoint. */
  admitAddress(ip: string, head?: Pick<Head, 'caller' | 'rate'>): Promise<Fields>;
  admitActor(actor: Actor, rate: Rate): Promise<Fields>;
}

export type Fields = Readonly<Record<string, string>>;

interface LimiterParts {
  readonly policies: RatePolicies;
  /** What this node counts alone; addresses and actors apart, so that strangers cannot crowd out members. */
  readonly local: { readonly addresses: LimitStore; readonly actors: LimitStore };
  /** What all nodes count together. */
  readonly shared?: LimitStore | undefined;
  readonly log: Logger;
}

export function createLimiter(parts: LimiterParts): Limiter {
  const { policies } = parts;
  const saysThatSharedFailed = createFailureLog(parts.log);

  async function take(local: LimitStore, caller: string, rate: RateClass): Promise<Taken> {
    if (parts.shared === undefined) return local.take(caller, policies[rate]);
    try {
      return await parts.shared.take(caller, policies[rate]);
    } catch (error) {
      saysThatSharedFailed(error);
      if (failsClosed(rate)) throw limiterUnavailable({ headers: { 'Retry-After': '5' } });
      return local.take(caller, policies[rate]);
    }
  }

  async function admit(local: LimitStore, caller: string, rate: RateClass): Promise<Fields> {
    const applied = policies[rate];
    if (applied.length === 0) return {};
    const taken = await take(local, `${rate}:${caller}`, rate);
    const fields = limitFields(applied.map((policy, at) => standingOf(policy, taken.aheadMs[at] ?? 0)));
    if (taken.isAdmitted) return fields;
    throw refusal(applied, taken, fields);
  }

  return {
    admitAddress: (ip, head) => admit(parts.local.addresses, `ip:${limitedAddress(ip)}`, rateOfAddress(head)),
    async admitActor(actor, rate) {
      const name = findName(actor);
      return name === undefined ? {} : admit(parts.local.actors, name, rate);
    },
  };
}

/** Who stays unknown is limited as what it does; everybody else first of all as one of an address. */
function rateOfAddress(head: Pick<Head, 'caller' | 'rate'> | undefined): RateClass {
  if (head === undefined) return 'address';
  const isRecognised = head.caller === 'account' || head.caller === 'device' || head.caller === 'member';
  return isRecognised ? 'address' : head.rate;
}

/**
 * Without the shared count guesses at passwords and tokens could be spread over the nodes, and money be spent on each of
 * them, so these wait until it is back. Everything else goes on under each node's own count.
 */
function failsClosed(rate: RateClass): boolean {
  return rate === 'sign-in' || rate === 'refresh' || rate === 'costly';
}

function refusal(policies: readonly Policy[], { aheadMs }: Taken, fields: Fields) {
  const violated = policies.filter((policy, at) => !admits(policy, aheadMs[at] ?? 0));
  const seconds = retryAfterSeconds(policies.map((policy, at) => standingOf(policy, aheadMs[at] ?? 0)));
  return rateLimited({
    detail: `This caller has used up ${violated.map(({ name }) => name).join(' and ')}; try again in ${seconds} s.`,
    headers: { ...fields, 'Retry-After': String(seconds) },
    extensions: { type: quotaExceeded, 'violated-policies': violated.map(({ name }) => name) },
  });
}

const quotaExceeded = 'https://iana.org/assignments/http-problem-types#quota-exceeded';

function findName(actor: Actor): string | undefined {
  if (actor.kind === 'account') return `account:${actor.accountId}`;
  return actor.kind === 'key' ? `key:${actor.keyId}` : undefined;
}

const saidAgainAfterMs = 30_000;

/** Says it once in a while: an outage under load would otherwise write a line for each request. */
function createFailureLog(log: Logger): (error: unknown) => void {
  let saidAt = Number.NEGATIVE_INFINITY;
  return (err) => {
    if (performance.now() - saidAt < saidAgainAfterMs) return;
    saidAt = performance.now();
    log.warn({ err }, 'the shared limits are out of reach: sign-in is refused, the rest is limited per node');
  };
}
