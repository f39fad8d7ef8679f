import { join } from 'node:path';
import type { PushResponse } from '@alcove/contract';
import type { Person } from '../../../server/src/testing/people.ts';
import type { ServerProcess } from '../../../server/src/testing/process.ts';
import type { Bench } from '../bench.ts';
import { type FastifyFloor, startFastifyFloor } from '../floors/fastify.ts';
import { createSqliteFloor, type SqliteFloor, toSqliteBatch } from '../floors/sqlite.ts';
import { requestBytes } from '../harness/connection.ts';
import { connectionCount, runLoad } from '../harness/load.ts';
import { findResidentMegabytes, withCpuOf } from '../harness/process-figures.ts';
import { type Contender, runRounds, type Sample } from '../harness/rounds.ts';
import { registerPeople, startServer } from '../harness/server.ts';
import { pushRequest } from '../harness/vault-requests.ts';
import { findPouchDb, type PouchDb } from '../peers/pouchdb.ts';
import { compare, comparePeer, rateColumns, rateRow, type Section, verdict, whole } from '../report.ts';
import { type Batch, changesPerBatch, createBatchSource, vaultCount } from '../workload.ts';

const aim = 0.5;
const peerAim = 6;

export const push: Bench = {
  name: 'push',
  summary: 'pushes of 100 changes of 512 bytes, beside bare SQLite, a bare fastify route and PouchDB Server',
  async run(setting) {
    const { rounds, batches } = setting.isQuick ? { rounds: 3, batches: 200 } : { rounds: 7, batches: 600 };
    setting.progress('starting the servers');
    await using server = await startServer(setting);
    await using fastify = await startFastifyFloor(Buffer.from('{}'));
    using sqlite = createSqliteFloor(join(setting.folder, 'floor'), vaultCount);
    const people = await registerPeople(server.url, vaultCount);
    const createBatches = createBatchSource(people.map(({ device }) => device.id));
    await using pouchDb = await findPouchDb(join(setting.folder, 'peer'), vaultCount, setting.progress);
    const samples = await runRounds(
      rounds,
      [
        wholeServer(server, people),
        bareSqlite(sqlite),
        bareFastify(fastify),
        ...(pouchDb === undefined ? [] : [peer(pouchDb)]),
      ],
      () => createBatches(batches),
      setting.progress,
    );
    const section = describe(samples, findResidentMegabytes(server.pid));
    await server.stop();
    return [section];
  },
};

/** Pushes batches and makes sure that every change was applied; only the pushing is timed. */
export async function pushToServer(
  url: string,
  people: readonly Person[],
  batches: readonly Batch[],
): Promise<Omit<Sample, 'cpuSeconds'>> {
  const requests = batches.map(({ vault, changes }) => pushRequest(at(people, vault), changes));
  const answers: Buffer[] = [];
  const load = await runLoad(url, async (send) => {
    for (let request = requests.pop(); request !== undefined; request = requests.pop())
      answers.push(Buffer.from(await send(request)));
  });
  const results = answers.flatMap((answer): PushResponse['results'] => JSON.parse(answer.toString()).results);
  const failed = results.find(({ status }) => status !== 'applied');
  if (failed !== undefined || results.length !== batches.length * changesPerBatch)
    throw new Error(`not every change was applied: ${JSON.stringify(failed)}`);
  return { ...load, ...sizeOf(batches) };
}

function at(people: readonly Person[], vault: number): Person {
  const person = people[vault];
  if (person === undefined) throw new RangeError(`nobody has the vault ${vault}`);
  return person;
}

function wholeServer(server: ServerProcess, people: readonly Person[]): Contender<readonly Batch[]> {
  return {
    name: 'whole server',
    run: (batches) => withCpuOf(server.pid, () => pushToServer(server.url, people, batches)),
  };
}

function bareSqlite(sqlite: SqliteFloor): Contender<readonly Batch[]> {
  return {
    name: 'bare SQLite',
    async run(batches) {
      const prepared = batches.map(toSqliteBatch);
      return withCpuOf(process.pid, () => {
        const startedAt = performance.now();
        sqlite.write(prepared);
        const seconds = (performance.now() - startedAt) / 1000;
        return { ...sizeOf(batches), seconds, latenciesMs: [] };
      });
    },
  };
}

function bareFastify({ url, pid }: FastifyFloor): Contender<readonly Batch[]> {
  return {
    name: 'bare fastify',
    async run(batches) {
      const requests = batches.map(({ changes }) =>
        requestBytes('POST', '/push', {}, Buffer.from(JSON.stringify({ changes }))),
      );
      const load = await withCpuOf(pid, () =>
        runLoad(url, async (send) => {
          for (let request = requests.pop(); request !== undefined; request = requests.pop())
            await send(request);
        }),
      );
      return { ...load, ...sizeOf(batches) };
    },
  };
}

function peer(pouchDb: PouchDb): Contender<readonly Batch[]> {
  return {
    name: 'PouchDB Server',
    run: (batches) => withCpuOf(pouchDb.pid, () => pouchDb.write(batches)),
  };
}

const sizeOf = ({ length }: readonly Batch[]) => ({ changes: length * changesPerBatch, requests: length });

function describe(
  [server = [], sqlite = [], fastify = [], pouchDb]: readonly (readonly Sample[])[],
  residentMegabytes: number | undefined,
): Section {
  const toSqlite = compare(server, sqlite);
  const toFastify = compare(server, fastify);
  return {
    title: `push: batches of ${changesPerBatch} changes of 512 bytes, ${connectionCount} connections, ${vaultCount} vaults`,
    columns: rateColumns,
    rows: [
      rateRow('whole server', server),
      rateRow('bare SQLite', sqlite),
      rateRow('bare fastify', fastify),
      ...(pouchDb === undefined ? [] : [rateRow('PouchDB Server', pouchDb)]),
    ],
    sentences: [
      `push / bare SQLite = ${toSqlite.text} (${verdict(toSqlite.ratio, aim)}; ${toSqlite.range}). With authentication, ` +
        `vector clocks, a result for each change and every push on the disk before its answer, the whole server takes ` +
        `${whole(toSqlite.ratio * 100)} changes while one thread that only writes rows writes 100.`,
      `push / bare fastify = ${toFastify.text} (${toFastify.range}). A route that parses the same body, keeps nothing and ` +
        `answers a line takes 100 changes while the whole server takes ${whole(toFastify.ratio * 100)}.`,
      comparePeer('push', server, pouchDb, peerAim),
      ...(residentMegabytes === undefined
        ? []
        : [`After this load the server's resident memory is ${whole(residentMegabytes)} MB.`]),
    ],
  };
}
