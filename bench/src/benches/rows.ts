import { randomInt } from 'node:crypto';
import type { PushResponse } from '@alcove/contract';
import type { Person } from '../../../server/src/testing/people.ts';
import type { Bench } from '../bench.ts';
import { type LoadResult, runLoad } from '../harness/load.ts';
import { registerPeople, startServer } from '../harness/server.ts';
import { quantile } from '../harness/statistics.ts';
import { pullRequest, pushRequest } from '../harness/vault-requests.ts';
import { type Section, verdict, whole } from '../report.ts';
import { createChange } from '../workload.ts';

const changesPerPush = 100;
const fillingPushes = 500;
const pageSize = 100;
const aim = 0.7;

/** One vault that grows. */
interface Growing {
  readonly url: string;
  readonly person: Person;
  readonly ids: string[];
  /** Places in the feed that a device may have reached. */
  readonly cursors: string[];
  counter: number;
}

interface Measured {
  readonly rows: number;
  readonly creating: LoadResult;
  readonly editing: LoadResult;
  readonly pulling: LoadResult;
}

export const rows: Bench = {
  name: 'rows',
  summary: 'one vault of 1 to 1,000,000 rows: new items, edits of old ones, pages from anywhere',
  async run(setting) {
    const { sizes, requests } = setting.isQuick
      ? { sizes: [1, 1000, 20_000], requests: 50 }
      : { sizes: [1, 1000, 100_000, 1_000_000], requests: 100 };
    await using server = await startServer(setting);
    const [person] = await registerPeople(server.url, 1);
    if (person === undefined) throw new Error('nobody has registered');
    const vault: Growing = { url: server.url, person, ids: [], cursors: [], counter: 0 };
    const measured: Measured[] = [];
    for (const size of sizes) {
      setting.progress(`filling one vault up to ${size} rows`);
      await fill(vault, size);
      setting.progress(`measuring at ${size} rows`);
      measured.push(await measure(vault, requests));
    }
    await server.stop();
    return [describe(measured)];
  },
};

/** A single device's counters come in their order, so its pushes go one after the other. */
async function fill(vault: Growing, size: number): Promise<void> {
  let left = size - vault.ids.length;
  await oneAfterTheOther(vault.url, async (send) => {
    for (; left > 0; left -= fillingPushes) await send(newItems(vault, Math.min(left, fillingPushes)));
  });
}

async function measure(vault: Growing, requests: number): Promise<Measured> {
  const rowsBefore = vault.ids.length;
  const keep = (answer: Buffer) => {
    const { cursor, results }: PushResponse = JSON.parse(answer.toString());
    const failed = results.find(({ status }) => status !== 'applied');
    if (failed !== undefined) throw new Error(`not every change was applied: ${JSON.stringify(failed)}`);
    vault.cursors.push(cursor);
  };
  const creating = await oneAfterTheOther(vault.url, async (send) => {
    for (let at = 0; at < requests; at += 1) keep(await send(newItems(vault, changesPerPush)));
  });
  const editing = await oneAfterTheOther(vault.url, async (send) => {
    for (let at = 0; at < requests; at += 1) keep(await send(edits(vault)));
  });
  const pulling = await oneAfterTheOther(vault.url, async (send) => {
    for (let at = 0; at < requests; at += 1)
      await send(pullRequest(vault.person, pageSize, anyOf(vault.cursors)));
  });
  return { rows: rowsBefore, creating, editing, pulling };
}

/** The first connection does everything: one vault has one writer, and waiting in its line is no work. */
function oneAfterTheOther(url: string, work: Parameters<typeof runLoad>[1]): Promise<LoadResult> {
  let isTaken = false;
  return runLoad(url, async (send) => {
    if (isTaken) return;
    isTaken = true;
    await work(send);
  });
}

function newItems(vault: Growing, count: number): Buffer {
  const changes = Array.from({ length: count }, () => createChange(vault.person.device.id, tick(vault)));
  for (const { id } of changes) vault.ids.push(id);
  return pushRequest(vault.person, changes);
}

function edits(vault: Growing): Buffer {
  const ids = new Set(Array.from({ length: changesPerPush }, () => anyOf(vault.ids)));
  const changes = [...ids].map((id) => createChange(vault.person.device.id, tick(vault), id));
  return pushRequest(vault.person, changes);
}

function tick(vault: Growing): number {
  vault.counter += 1;
  return vault.counter;
}

function anyOf(texts: readonly string[]): string {
  const text = texts[randomInt(texts.length)];
  if (text === undefined) throw new RangeError('there is none');
  return text;
}

function describe(measured: readonly Measured[]): Section {
  return {
    title: `rows: one vault, one connection; pushes of ${changesPerPush} changes of 512 bytes, pages of ${pageSize}`,
    columns: [
      'rows before',
      'new items: pushes/s',
      'p99 ms',
      'edits: pushes/s',
      'p99 ms',
      'pages/s',
      'p99 ms',
    ],
    rows: measured.map(({ rows, creating, editing, pulling }) => [
      whole(rows),
      ...figures(creating),
      ...figures(editing),
      ...figures(pulling),
    ]),
    sentences: [
      flatness('new items', measured, ({ creating }) => creating),
      flatness('edits', measured, ({ editing }) => editing),
      flatness('pages', measured, ({ pulling }) => pulling),
    ],
  };
}

function flatness(what: string, measured: readonly Measured[], of: (one: Measured) => LoadResult): string {
  const rates = measured.map((one) => rateOf(of(one)));
  const ratio = (rates.at(-1) ?? Number.NaN) / (rates[0] ?? Number.NaN);
  return `${what}: the largest vault keeps ${ratio.toFixed(2)} of the rate of the smallest (${verdict(ratio, aim)}).`;
}

const figures = (load: LoadResult) => [whole(rateOf(load)), quantile(load.latenciesMs, 0.99).toFixed(1)];

const rateOf = ({ latenciesMs, seconds }: LoadResult) => latenciesMs.length / seconds;
