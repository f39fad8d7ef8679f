import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Person } from '../../../server/src/testing/people.ts';
import type { Bench } from '../bench.ts';
import { type HttpAnswer, openConnection, requestBytes } from '../harness/connection.ts';
import { registerPeople, startServer } from '../harness/server.ts';
import { quantile } from '../harness/statistics.ts';
import { type Section, whole } from '../report.ts';

const attackers = 200;
const boundMs = 250;

interface Load {
  readonly latenciesMs: readonly number[];
  /** How many logins were answered with which status, meanwhile. */
  readonly logins: ReadonlyMap<number, number>;
}

export const signIn: Bench = {
  name: 'sign-in',
  summary: `how long others wait while ${attackers} strangers guess at passwords at once`,
  async run(setting) {
    const seconds = setting.isQuick ? 5 : 20;
    // The limits of an address would end this attack at once; here it comes from everywhere.
    await using server = await startServer(setting, { ALCOVE_LIMIT_SCALE: '0' });
    const [person] = await registerPeople(server.url, 1);
    if (person === undefined) throw new Error('nobody has registered');
    setting.progress('without an attack');
    const calm = await callWhile(server.url, person, seconds, 0);
    setting.progress('under attack');
    const attacked = await callWhile(server.url, person, seconds, attackers);
    await server.stop();
    return [describe(calm, attacked, seconds)];
  },
};

/** One person calls again and again, while others guess. */
async function callWhile(url: string, person: Person, seconds: number, guessers: number): Promise<Load> {
  const until = performance.now() + seconds * 1000;
  const logins = new Map<number, number>();
  const guessing = Array.from({ length: guessers }, () => guessUntil(url, until, logins));
  // The first wave has to be there before it is measured what it does.
  await sleep(guessers === 0 ? 0 : 500);
  const latenciesMs: number[] = [];
  const connection = await openConnection(url);
  const authorization = `Bearer ${person.tokens.accessToken}`;
  const request = requestBytes('GET', '/api/v1/auth/me', { authorization });
  while (performance.now() < until) {
    const sentAt = performance.now();
    const { status } = await connection.send(request);
    latenciesMs.push(performance.now() - sentAt);
    if (status !== 200) throw new Error(`answered ${status}`);
    await sleep(5);
  }
  connection.close();
  await Promise.all(guessing);
  return { latenciesMs, logins };
}

/** Each guess at another address, so that no account's own brake ends the attack. */
async function guessUntil(url: string, until: number, logins: Map<number, number>): Promise<void> {
  const connection = await openConnection(url);
  while (performance.now() < until) {
    const { status } = await guess(connection.send);
    logins.set(status, (logins.get(status) ?? 0) + 1);
    // Told to come again in two seconds, they come again in one. A flood of requests is not what is measured here.
    if (status !== 401) await sleep(1000);
  }
  connection.close();
}

function guess(send: (request: Uint8Array) => Promise<HttpAnswer>): Promise<HttpAnswer> {
  const email = `${randomBytes(8).toString('hex')}@example.com`;
  const body = Buffer.from(JSON.stringify({ email, password: 'seventeen green otters' }));
  return send(requestBytes('POST', '/api/v1/auth/login', {}, body));
}

function describe(calm: Load, attacked: Load, seconds: number): Section {
  const p99 = quantile(attacked.latenciesMs, 0.99);
  const verified = attacked.logins.get(401) ?? 0;
  const sent = [...attacked.logins.values()].reduce((sum, count) => sum + count, 0);
  return {
    title: `sign-in: GET /auth/me by one person, while ${attackers} strangers log in at once, ${seconds} s each`,
    columns: ['', 'requests', 'p50 ms', 'p99 ms', 'slowest ms', 'bound', ''],
    rows: [row('nobody guesses', calm), row(`${attackers} guess`, attacked)],
    sentences: [
      `p99 under attack = ${p99.toFixed(0)} ms (bound ${boundMs} ms: ${p99 <= boundMs ? 'kept' : 'EXCEEDED'}). Of ${whole(sent)} ` +
        `logins ${whole(verified)} were checked against a password, ${whole(verified / seconds)} a second; the others were ` +
        'told to come again, because only so many are hashed at once.',
    ],
  };
}

function row(name: string, { latenciesMs }: Load): string[] {
  const p99 = quantile(latenciesMs, 0.99);
  const figures = [quantile(latenciesMs, 0.5), p99, Math.max(...latenciesMs)].map((ms) => ms.toFixed(1));
  return [name, whole(latenciesMs.length), ...figures, `${boundMs} ms`, p99 <= boundMs ? 'kept' : 'EXCEEDED'];
}
