/** People who sign up, push, refresh and sign out while the server is about to die: each step once acknowledged stays. */
import { randomUUID } from 'node:crypto';
import type { Change, SignedIn, Tokens } from '@alcove/contract';
import { formatHybridTime } from '@alcove/contract/hybrid-time';
import { refreshProofText } from '@alcove/contract/keys';
import { createTestDevice, type TestDevice } from '../../src/testing/index.ts';
import type { Link } from './link.ts';

interface Newcomer {
  readonly keys: TestDevice;
  readonly signedIn: SignedIn;
  readonly change: Change;
  tokens: Tokens;
  /** What the server said it did, in this order. */
  acknowledged: 'registered' | 'pushed' | 'refreshed' | 'signed out';
  /** A sign-out that was cut off has happened or not; both are right. */
  isSigningOut: boolean;
}

export interface Newcomers {
  signUpUntilCut(link: Link): Promise<void>;
  /** Checks those who signed up since the last check. */
  checkLatest(link: Link): Promise<void>;
  checkAll(link: Link): Promise<void>;
  readonly figures: { tokens: number; signOuts: number };
}

export function createNewcomers(): Newcomers {
  const all: Newcomer[] = [];
  const figures = { tokens: 0, signOuts: 0 };
  let checked = 0;

  async function signUp(link: Link): Promise<Newcomer | undefined> {
    const keys = createTestDevice();
    const answer = await link.call('POST', '/auth/register', { device: keys.input });
    if (answer === undefined) return undefined;
    requireStatus(201, answer);
    const signedIn: SignedIn = answer.body;
    const change = firstChange(signedIn.device.id);
    const newcomer: Newcomer = {
      keys,
      signedIn,
      change,
      tokens: signedIn.tokens,
      acknowledged: 'registered',
      isSigningOut: false,
    };
    all.push(newcomer);
    figures.tokens += 1;
    return newcomer;
  }

  /** Answers whether the server still stands. */
  async function useAccount(link: Link, newcomer: Newcomer): Promise<boolean> {
    const pushed = await link.call('POST', '/sync/push', { changes: [newcomer.change] }, bearer(newcomer));
    if (pushed === undefined) return false;
    requireStatus(200, pushed);
    newcomer.acknowledged = 'pushed';

    const refreshed = await link.call('POST', '/auth/refresh', {
      refreshToken: newcomer.tokens.refreshToken,
    });
    if (refreshed === undefined) return false;
    requireStatus(200, refreshed);
    newcomer.tokens = refreshed.body.tokens;
    newcomer.acknowledged = 'refreshed';
    figures.tokens += 1;
    return all.length % 3 !== 0 || signOut(link, newcomer);
  }

  async function signOut(link: Link, newcomer: Newcomer): Promise<boolean> {
    newcomer.isSigningOut = true;
    const answer = await link.call('POST', '/auth/logout', {}, bearer(newcomer));
    if (answer === undefined) return false;
    requireStatus(204, answer);
    newcomer.acknowledged = 'signed out';
    figures.signOuts += 1;
    return true;
  }

  async function check(link: Link, newcomers: readonly Newcomer[]): Promise<void> {
    for (const newcomer of newcomers) await checkOne(link, newcomer);
  }

  return {
    figures,
    async signUpUntilCut(link) {
      for (;;) {
        const newcomer = await signUp(link);
        if (newcomer === undefined || !(await useAccount(link, newcomer))) return;
      }
    },
    async checkLatest(link) {
      await check(link, all.slice(checked));
      checked = all.length;
    },
    checkAll: (link) => check(link, all),
  };
}

async function checkOne(link: Link, newcomer: Newcomer): Promise<void> {
  if (newcomer.acknowledged === 'signed out') {
    await link.ask(401, 'GET', '/auth/me', undefined, bearer(newcomer));
    return;
  }
  if (newcomer.isSigningOut) {
    // Settled by doing it again: whichever way the cut went, the person is signed out from here on.
    await link.call('POST', '/auth/logout', {}, bearer(newcomer));
    newcomer.acknowledged = 'signed out';
    return checkOne(link, newcomer);
  }
  await link.ask(200, 'GET', '/auth/me', undefined, bearer(newcomer));
  await checkFirstChange(link, newcomer);
  await refresh(link, newcomer);
}

async function checkFirstChange(link: Link, newcomer: Newcomer): Promise<void> {
  const { body } = await link.ask(200, 'GET', '/sync/pull', undefined, bearer(newcomer));
  const isThere = body.changes.length === 1 && body.changes[0].payload === newcomer.change.payload;
  if (newcomer.acknowledged !== 'registered' && !isThere)
    throw new Error(`the first change of an account is not there once: ${JSON.stringify(body)}`);
  const again = { changes: [newcomer.change] };
  const answer = await link.ask(200, 'POST', '/sync/push', again, bearer(newcomer));
  const expected = isThere ? 'duplicate' : 'applied';
  if (answer.body.results[0].status !== expected)
    throw new Error(`${expected} expected, got ${JSON.stringify(answer.body)}`);
  if (newcomer.acknowledged === 'registered') newcomer.acknowledged = 'pushed';
}

/** The refresh may have been cut off as well; the device's signature says that the replay is its own. */
async function refresh(link: Link, newcomer: Newcomer): Promise<void> {
  const { refreshToken } = newcomer.tokens;
  const deviceSignature = newcomer.keys.sign(refreshProofText(refreshToken));
  const { body } = await link.ask(200, 'POST', '/auth/refresh', { refreshToken, deviceSignature });
  newcomer.tokens = body.tokens;
}

function firstChange(deviceId: string): Change {
  const time = formatHybridTime(Date.now(), 0);
  const payload = Buffer.from(randomUUID()).toString('base64url');
  return { id: randomUUID(), kind: 'entry', op: 'put', clock: { [deviceId]: 1 }, time, epoch: 1, payload };
}

const bearer = ({ tokens }: Newcomer) => ({ authorization: `Bearer ${tokens.accessToken}` });

function requireStatus(expected: number, answer: { status: number; body: unknown }): void {
  if (answer.status !== expected)
    throw new Error(`${expected} expected, got ${answer.status}: ${JSON.stringify(answer.body)}`);
}
