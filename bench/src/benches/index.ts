import type { Bench } from '../bench.ts';
import { accounts } from './accounts.ts';
import { edge } from './edge.ts';
import { pull } from './pull.ts';
import { push } from './push.ts';
import { rows } from './rows.ts';
import { signIn } from './sign-in.ts';
import { startUp } from './start-up.ts';

export const benches: readonly Bench[] = [startUp, edge, signIn, push, pull, accounts, rows];
