import type { Person } from '../../../server/src/testing/people.ts';
import type { ServerProcess } from '../../../server/src/testing/process.ts';
import type { Bench } from '../bench.ts';
import { type FastifyFloor, startFastifyFloor } from '../floors/fastify.ts';
import { openConnection, requestBytes } from '../harness/connection.ts';
import { connectionCount } from '../harness/load.ts';
import { withCpuOf } from '../harness/process-figures.ts';
import { type Contender, runRounds, type Sample } from '../harness/rounds.ts';
import { registerPeople, startServer } from '../harness/server.ts';
import { compare, rateRow, type Section, whole } from '../report.ts';

const peopleCount = 20;

export const edge: Bench = {
  name: 'edge',
  summary: 'authenticated requests that do next to nothing, beside a bare fastify route',
  async run(setting) {
    const { rounds, requests } = setting.isQuick
      ? { rounds: 3, requests: 2000 }
      : { rounds: 7, requests: 10_000 };
    setting.progress('starting the servers');
    await using server = await startServer(setting);
    await using fastify = await startFastifyFloor(Buffer.from('{"status":"ok"}'));
    const people = await registerPeople(server.url, peopleCount);
    const samples = await runRounds(
      rounds,
      [whoAmI(server, people), refused(server, people), bareFastify(fastify)],
      () => requests,
      setting.progress,
    );
    await server.stop();
    return [describe(samples)];
  },
};

function whoAmI({ url, pid }: ServerProcess, people: readonly Person[]): Contender<number> {
  const path = '/api/v1/auth/me';
  return {
    name: 'who am I',
    run: (count) => withCpuOf(pid, () => sendMany(url, count, 200, requestsOf(people, path))),
  };
}

/** Nothing is read for it: what it costs is the way through the edge, from the limits to the check of the query. */
function refused({ url, pid }: ServerProcess, people: readonly Person[]): Contender<number> {
  const path = '/api/v1/auth/devices?limit=0';
  return {
    name: 'edge alone',
    run: (count) => withCpuOf(pid, () => sendMany(url, count, 400, requestsOf(people, path))),
  };
}

function bareFastify({ url, pid }: FastifyFloor): Contender<number> {
  const request = requestBytes('GET', '/pull', {});
  return {
    name: 'bare fastify',
    run: (count) => withCpuOf(pid, () => sendMany(url, count, 200, [request])),
  };
}

const requestsOf = (people: readonly Person[], path: string) =>
  people.map(({ tokens }) => requestBytes('GET', path, { authorization: `Bearer ${tokens.accessToken}` }));

/** Sends so many requests in turn over several connections; another answer than the expected one ends it all. */
async function sendMany(
  url: string,
  count: number,
  status: number,
  requests: readonly Buffer[],
): Promise<Omit<Sample, 'cpuSeconds'>> {
  const connections = await Promise.all(Array.from({ length: connectionCount }, () => openConnection(url)));
  const latenciesMs: number[] = [];
  let left = count;
  const startedAt = performance.now();
  await Promise.all(
    connections.map(async ({ send }) => {
      for (; left > 0; ) {
        left -= 1;
        const sentAt = performance.now();
        const answer = await send(requests[left % requests.length] ?? Buffer.alloc(0));
        latenciesMs.push(performance.now() - sentAt);
        if (answer.status !== status) throw new Error(`answered ${answer.status}: ${answer.body}`);
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  for (const connection of connections) connection.close();
  return { changes: count, requests: count, seconds, latenciesMs };
}

function describe([me = [], edgeAlone = [], fastify = []]: readonly (readonly Sample[])[]): Section {
  const [ofMe, ofEdge] = [compare(me, fastify), compare(edgeAlone, fastify)];
  return {
    title: `edge: authenticated requests that do next to nothing, ${connectionCount} connections, ${peopleCount} accounts, limits on`,
    columns: ['', 'requests/s', 'p50 ms', 'p99 ms', 'CPU us/request', 'slowest..fastest round'],
    rows: [row('GET /auth/me', me), row('edge alone', edgeAlone), row('bare fastify', fastify)],
    sentences: [
      `edge alone / bare fastify = ${ofEdge.text} (${ofEdge.range}). With limits, authentication, security headers, a request id, ` +
        `metrics, a line of log and the checks of its input, the service answers ${whole(ofEdge.ratio * 100)} requests ` +
        'while a bare route answers 100.',
      `GET /auth/me / bare fastify = ${ofMe.text} (${ofMe.range}). It reads account, session, device and workspaces from the database.`,
    ],
  };
}

/** What others count in changes, here are the requests. */
const row = (name: string, samples: readonly Sample[]) =>
  rateRow(name, samples).filter((_cell, column) => column !== 1);
