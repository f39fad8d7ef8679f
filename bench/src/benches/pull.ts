import { join } from 'node:path';
import type { Person } from '../../../server/src/testing/people.ts';
import type { ServerProcess } from '../../../server/src/testing/process.ts';
import type { Bench } from '../bench.ts';
import { type FastifyFloor, startFastifyFloor } from '../floors/fastify.ts';
import { createSqliteFloor, type SqliteFloor, toSqliteBatch } from '../floors/sqlite.ts';
import { openConnection, requestBytes } from '../harness/connection.ts';
import { connectionCount, runLoad, type Send } from '../harness/load.ts';
import { withCpuOf } from '../harness/process-figures.ts';
import { type Contender, runRounds, type Sample } from '../harness/rounds.ts';
import { registerPeople, startServer } from '../harness/server.ts';
import { pullRequest } from '../harness/vault-requests.ts';
import { findPouchDb, type PouchDb } from '../peers/pouchdb.ts';
import { compare, comparePeer, rateColumns, rateRow, type Section, verdict, whole } from '../report.ts';
import { changesPerBatch, createBatchSource, vaultCount } from '../workload.ts';
import { pushToServer } from './push.ts';

const aim = 0.6;
const peerAim = 5;
const pageSizes = [100, 500];

export const pull: Bench = {
  name: 'pull',
  summary:
    'whole vaults pulled in pages of 100 and of 500, beside bare SQLite, a page from memory and PouchDB Server',
  async run(setting) {
    const { rounds, batches } = setting.isQuick ? { rounds: 3, batches: 400 } : { rounds: 7, batches: 1000 };
    setting.progress('starting the server and filling the vaults');
    await using server = await startServer(setting);
    using sqlite = createSqliteFloor(join(setting.folder, 'floor'), vaultCount);
    const people = await registerPeople(server.url, vaultCount);
    const filling = createBatchSource(people.map(({ device }) => device.id))(batches);
    await pushToServer(server.url, people, filling);
    sqlite.write(filling.map(toSqliteBatch));
    await using pouchDb = await findPouchDb(join(setting.folder, 'peer'), vaultCount, setting.progress);
    await pouchDb?.write(filling);

    const sections: Section[] = [];
    for (const size of pageSizes) {
      await using fastify = await startFastifyFloor(await readFirstPage(server.url, people[0], size));
      const changes = batches * changesPerBatch;
      const samples = await runRounds(
        rounds,
        [
          wholeServer(server, people, size, changes),
          bareSqlite(sqlite, size, changes),
          bareFastify(fastify, size, changes),
          ...(pouchDb === undefined ? [] : [peer(pouchDb, size, changes)]),
        ],
        () => undefined,
        (step) => setting.progress(`pages of ${size}, ${step}`),
      );
      sections.push(describe(size, samples));
    }
    await server.stop();
    return sections;
  },
};

/** Every connection takes the next vault and pulls it to its end. */
function wholeServer(
  { url, pid }: ServerProcess,
  people: readonly Person[],
  size: number,
  changes: number,
): Contender<undefined> {
  return {
    name: 'whole server',
    async run() {
      const waiting = [...people];
      let pulled = 0;
      const load = await withCpuOf(pid, () =>
        runLoad(url, async (send) => {
          for (let person = waiting.pop(); person !== undefined; person = waiting.pop()) {
            const ofVault = await pullVault(send, person, size);
            pulled += ofVault;
          }
        }),
      );
      if (pulled !== changes) throw new Error(`${changes} changes were pushed, ${pulled} pulled`);
      return { ...load, changes, requests: load.latenciesMs.length };
    },
  };
}

async function pullVault(send: Send, person: Person, size: number): Promise<number> {
  let pulled = 0;
  for (let cursor: string | undefined; ; ) {
    const end = readEnd(await send(pullRequest(person, size, cursor)), size);
    pulled += end.changes;
    if (!end.hasMore) return pulled;
    cursor = end.cursor;
  }
}

/** Long enough for everything that follows the changes in an answer. */
const endLength = 300;
const endShape = /\],"cursor":"([^"]+)","hasMore":(true|false),"conflictsOpen":\d+,"serverTime":"[^"]+"\}$/;

/** Reads an answer from its end: parsing the whole page would make the driver the thing that is measured. */
function readEnd(body: Buffer, size: number) {
  const match = endShape.exec(body.toString('latin1', Math.max(0, body.length - endLength)));
  if (match === null) throw new Error('the end of a page is not as expected');
  const hasMore = match[2] === 'true';
  return { cursor: match[1], hasMore, changes: hasMore ? size : JSON.parse(body.toString()).changes.length };
}

async function readFirstPage(url: string, person: Person | undefined, size: number): Promise<Uint8Array> {
  if (person === undefined) throw new Error('nobody has registered');
  const connection = await openConnection(url);
  const { body } = await connection.send(pullRequest(person, size, undefined));
  connection.close();
  return Uint8Array.from(body);
}

function bareSqlite(sqlite: SqliteFloor, size: number, changes: number): Contender<undefined> {
  return {
    name: 'bare SQLite',
    async run() {
      return withCpuOf(process.pid, () => {
        const startedAt = performance.now();
        const { rows, pages } = sqlite.readAll(size);
        const seconds = (performance.now() - startedAt) / 1000;
        if (rows !== changes) throw new Error(`${changes} rows were written, ${rows} read`);
        return { changes, requests: pages, seconds, latenciesMs: [] };
      });
    },
  };
}

function bareFastify({ url, pid }: FastifyFloor, size: number, changes: number): Contender<undefined> {
  const request = requestBytes('GET', '/pull', {});
  return {
    name: 'bare fastify',
    async run() {
      const requests = Math.ceil(changes / size);
      let left = requests;
      const load = await withCpuOf(pid, () =>
        runLoad(url, async (send) => {
          for (; left > 0; await send(request)) left -= 1;
        }),
      );
      return { ...load, changes: requests * size, requests };
    },
  };
}

function peer(pouchDb: PouchDb, size: number, changes: number): Contender<undefined> {
  return {
    name: 'PouchDB Server',
    async run() {
      const sample = await withCpuOf(pouchDb.pid, () => pouchDb.readAll(size));
      if (sample.changes !== changes)
        throw new Error(`${changes} documents were stored, ${sample.changes} read`);
      return sample;
    },
  };
}

function describe(
  size: number,
  [server = [], sqlite = [], fastify = [], pouchDb]: readonly (readonly Sample[])[],
): Section {
  const toSqlite = compare(server, sqlite);
  const toFastify = compare(server, fastify);
  return {
    title: `pull: pages of ${size} changes of 512 bytes, ${connectionCount} connections, ${vaultCount} vaults`,
    columns: rateColumns,
    rows: [
      rateRow('whole server', server),
      rateRow('bare SQLite', sqlite),
      rateRow('bare fastify', fastify),
      ...(pouchDb === undefined ? [] : [rateRow('PouchDB Server', pouchDb)]),
    ],
    sentences: [
      `pull / bare SQLite = ${toSqlite.text} (${verdict(toSqlite.ratio, aim)}; ${toSqlite.range}). The whole server ` +
        `answers ${whole(toSqlite.ratio * 100)} changes while one thread reads 100 rows and writes them as JSON.`,
      `pull / bare fastify = ${toFastify.text} (${toFastify.range}). A route that sends one page from memory sends 100 ` +
        `changes while the whole server sends ${whole(toFastify.ratio * 100)}.`,
      comparePeer('pull', server, pouchDb, peerAim),
    ],
  };
}
