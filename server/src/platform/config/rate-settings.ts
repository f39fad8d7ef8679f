import { decimal, integer, type Setting } from './kinds.ts';

/** How often callers may call, by what a call costs. */
export const rateSettings = {
  rateScale: decimal({
    name: 'ALCOVE_LIMIT_SCALE',
    what: 'Multiplies every limit on the rate of requests; 0 turns them all off, for load tests.',
    min: 0,
    max: 1000,
    fallback: 1,
  }),
  readBurst: quota('READ', 'BURST', 'Calls that only read, by one account or key', 200),
  readSustained: quota('READ', 'SUSTAINED', 'Calls that only read, by one account or key', 20_000),
  writeBurst: quota('WRITE', 'BURST', 'Calls that change something, by one account or key', 100),
  writeSustained: quota('WRITE', 'SUSTAINED', 'Calls that change something, by one account or key', 10_000),
  signInBurst: quota('SIGN_IN', 'BURST', 'Calls that sign in or make accounts, from one address', 20),
  signInSustained: quota(
    'SIGN_IN',
    'SUSTAINED',
    'Calls that sign in or make accounts, from one address',
    600,
  ),
  refreshBurst: quota('REFRESH', 'BURST', 'Calls for new tokens of a session, from one address', 100),
  refreshSustained: quota(
    'REFRESH',
    'SUSTAINED',
    'Calls for new tokens of a session, from one address',
    5000,
  ),
  pollBurst: quota('POLL', 'BURST', 'Calls of devices that wait to be admitted, from one address', 100),
  pollSustained: quota(
    'POLL',
    'SUSTAINED',
    'Calls of devices that wait to be admitted, from one address',
    10_000,
  ),
  costlyBurst: quota('COSTLY', 'BURST', 'Calls that cost money or much work, by one account or key', 20),
  costlySustained: quota(
    'COSTLY',
    'SUSTAINED',
    'Calls that cost money or much work, by one account or key',
    1000,
  ),
  addressBurst: quota(
    'ADDRESS',
    'BURST',
    'All calls with a token, and for pages and paths that are none, from one address',
    1000,
  ),
  addressSustained: quota(
    'ADDRESS',
    'SUSTAINED',
    'All calls with a token, and for pages and paths that are none, from one address',
    100_000,
  ),
} as const;

function quota(rate: string, kind: 'BURST' | 'SUSTAINED', calls: string, fallback: number) {
  return integer({
    name: `ALCOVE_LIMIT_RATE_${rate}_${kind}`,
    what: `${calls}, in ${kind === 'BURST' ? 'ten seconds' : 'an hour'}.`,
    min: 1,
    max: 1_000_000_000,
    fallback,
  });
}

interface Quotas {
  readonly burst: number;
  readonly sustained: number;
}

export interface RateSettings {
  readonly scale: number;
  readonly read: Quotas;
  readonly write: Quotas;
  readonly 'sign-in': Quotas;
  readonly refresh: Quotas;
  readonly poll: Quotas;
  readonly costly: Quotas;
  readonly address: Quotas;
}

export function readRates(read: <T>(setting: Setting<T>) => T): RateSettings {
  const quotas = (burst: Setting<number>, sustained: Setting<number>) => ({
    burst: read(burst),
    sustained: read(sustained),
  });
  return {
    scale: read(rateSettings.rateScale),
    read: quotas(rateSettings.readBurst, rateSettings.readSustained),
    write: quotas(rateSettings.writeBurst, rateSettings.writeSustained),
    'sign-in': quotas(rateSettings.signInBurst, rateSettings.signInSustained),
    refresh: quotas(rateSettings.refreshBurst, rateSettings.refreshSustained),
    poll: quotas(rateSettings.pollBurst, rateSettings.pollSustained),
    costly: quotas(rateSettings.costlyBurst, rateSettings.costlySustained),
    address: quotas(rateSettings.addressBurst, rateSettings.addressSustained),
  };
}
