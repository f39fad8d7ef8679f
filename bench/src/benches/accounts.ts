import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Person } from '../../../server/src/testing/people.ts';
import type { Bench } from '../bench.ts';
import { connectionCount, type LoadResult, runLoad } from '../harness/load.ts';
import { findDescriptors, findResidentMegabytes } from '../harness/process-figures.ts';
import { registerPeople, startServer } from '../harness/server.ts';
import { quantile } from '../harness/statistics.ts';
import { pullRequest, pushRequest } from '../harness/vault-requests.ts';
import { type Section, verdict, whole } from '../report.ts';
import { changesPerBatch, createChange } from '../workload.ts';

const pageSize = 100;
/** The slowest of the sizes keeps so much of the rate of the smallest. */
const aim = 0.7;
/** More than the service leaves a vault open that nobody asks for: a minute, at which it looks every half. */
const idleMs = 100_000;

/** An account, and how far its only device has counted. */
interface Writer {
  readonly person: Person;
  counter: number;
}

interface Measured {
  readonly accounts: number;
  readonly push: LoadResult;
  readonly pull: LoadResult;
  readonly memory: string;
  readonly descriptors: string;
}

export const accounts: Bench = {
  name: 'accounts',
  summary: 'a random account of 10 to 10,000: push, pull, memory and descriptors',
  async run(setting) {
    const { sizes, requests } = setting.isQuick
      ? { sizes: [10, 100, 1000], requests: 500 }
      : { sizes: [10, 100, 1000, 10_000], requests: 2000 };
    await using server = await startServer(setting);
    const writers: Writer[] = [];
    const measured: Measured[] = [];
    for (const size of sizes) {
      setting.progress(`registering ${size} accounts and filling their vaults`);
      const people = await registerPeople(server.url, size - writers.length);
      const newcomers = people.map((person) => ({ person, counter: 0 }));
      await pushOnce(server.url, newcomers);
      writers.push(...newcomers);
      setting.progress(`a random account of ${size}`);
      measured.push({
        accounts: size,
        push: await pushAtRandom(server.url, writers, requests),
        pull: await pullAtRandom(server.url, writers, requests),
        memory: memoryOf(server.pid),
        descriptors: descriptorsOf(server.pid),
      });
    }
    const idle = setting.isQuick ? [] : await rest(server.pid, setting.progress);
    await server.stop();
    return [describe(measured, idle)];
  },
};

/** The first push makes the vault. */
async function pushOnce(url: string, writers: readonly Writer[]): Promise<void> {
  const waiting = [...writers];
  await runLoad(url, async (send) => {
    for (let writer = waiting.pop(); writer !== undefined; writer = waiting.pop())
      await send(nextPush(writer));
  });
}

function nextPush(writer: Writer): Buffer {
  const { person } = writer;
  const changes = Array.from({ length: changesPerBatch }, () => {
    writer.counter += 1;
    return createChange(person.device.id, writer.counter);
  });
  return pushRequest(person, changes);
}

function pushAtRandom(url: string, writers: readonly Writer[], count: number): Promise<LoadResult> {
  const requests = Array.from({ length: count }, () => nextPush(anyOf(writers)));
  return sendAll(url, requests);
}

function pullAtRandom(url: string, writers: readonly Writer[], count: number): Promise<LoadResult> {
  return sendAll(
    url,
    Array.from({ length: count }, () => pullRequest(anyOf(writers).person, pageSize)),
  );
}

function sendAll(url: string, requests: Buffer[]): Promise<LoadResult> {
  return runLoad(url, async (send) => {
    for (let request = requests.pop(); request !== undefined; request = requests.pop()) await send(request);
  });
}

function anyOf(writers: readonly Writer[]): Writer {
  const writer = writers[randomInt(writers.length)];
  if (writer === undefined) throw new RangeError('there is nobody');
  return writer;
}

async function rest(pid: number, progress: (step: string) => void): Promise<string[]> {
  progress('letting the vaults rest');
  await sleep(idleMs);
  return [`After ${idleMs / 1000} s without a request: ${memoryOf(pid)}, ${descriptorsOf(pid)}.`];
}

function memoryOf(pid: number): string {
  const megabytes = findResidentMegabytes(pid);
  return megabytes === undefined ? 'unknown' : `${whole(megabytes)} MB`;
}

function descriptorsOf(pid: number): string {
  const descriptors = findDescriptors(pid);
  return descriptors === undefined
    ? 'unknown'
    : `${descriptors.all} descriptors (${descriptors.vaults} vaults)`;
}

function describe(measured: readonly Measured[], idle: readonly string[]): Section {
  return {
    title: `accounts: pushes of ${changesPerBatch} changes to and first pages from a random account, ${connectionCount} connections`,
    columns: ['accounts', 'pushes/s', 'p50 ms', 'p99 ms', 'pulls/s', 'p50 ms', 'p99 ms', 'memory', 'open'],
    rows: measured.map(({ accounts, push, pull, memory, descriptors }) => [
      whole(accounts),
      ...figures(push),
      ...figures(pull),
      memory,
      descriptors,
    ]),
    sentences: [
      flatness('push', measured, ({ push }) => rateOf(push)),
      `${flatness('pull', measured, ({ pull }) => rateOf(pull))} The more accounts, the less often is the vault asked for open already.`,
      ...idle,
    ],
  };
}

function flatness(what: string, measured: readonly Measured[], rate: (one: Measured) => number): string {
  const [smallest, ...larger] = measured.map(rate);
  const ratio = Math.min(...larger) / (smallest ?? Number.NaN);
  return `${what}: the slowest size keeps ${ratio.toFixed(2)} of the rate of the smallest (${verdict(ratio, aim)}).`;
}

const figures = (load: LoadResult) => [
  whole(rateOf(load)),
  quantile(load.latenciesMs, 0.5).toFixed(1),
  quantile(load.latenciesMs, 0.99).toFixed(1),
];

const rateOf = ({ latenciesMs, seconds }: LoadResult) => latenciesMs.length / seconds;
