import type { Bench } from '../bench.ts';
import { pull } from './pull.ts';
import { push } from './push.ts';
import { startUp } from './start-up.ts';

export const benches: readonly Bench[] = [startUp, push, pull];
