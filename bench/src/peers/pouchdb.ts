/**
 * The peer: PouchDB Server, which speaks CouchDB's protocol with a database per user. It is no dependency: the first run
 * fetches it into a cache of the user's, and a run that cannot says so and leaves it out.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { requestBytes } from '../harness/connection.ts';
import { runLoad, type Send } from '../harness/load.ts';
import type { Sample } from '../harness/rounds.ts';
import type { Batch } from '../workload.ts';

const version = '4.2.0';
const startsWithinMs = 30_000;

export interface PouchDb extends AsyncDisposable {
  readonly pid: number;
  /** Stores each batch as documents of its vault's database. */
  write(batches: readonly Batch[]): Promise<Omit<Sample, 'cpuSeconds'>>;
  /** Reads the feed of each database from its beginning, page by page, with the documents. */
  readAll(rowsPerPage: number): Promise<Omit<Sample, 'cpuSeconds'>>;
}

/** Undefined where it cannot be had, for example without a network. */
export async function findPouchDb(
  folder: string,
  databases: number,
  progress: (step: string) => void,
): Promise<PouchDb | undefined> {
  const program = await findProgram(progress);
  return program === undefined ? undefined : startPouchDb(program, folder, databases);
}

async function findProgram(progress: (step: string) => void): Promise<string | undefined> {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'alcove-bench');
  const place = join(cache, `pouchdb-server-${version}`);
  if (!existsSync(place)) {
    progress('fetching PouchDB Server, once');
    if (!(await fetchInto(cache, place))) return undefined;
  }
  return join(place, 'node_modules/pouchdb-server/bin/pouchdb-server');
}

/** Moved into its place when it is whole. Its native store comes compiled, so no install script has to run. */
async function fetchInto(cache: string, place: string): Promise<boolean> {
  mkdirSync(cache, { recursive: true });
  const coming = mkdtempSync(join(cache, 'coming-'));
  const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', coming];
  try {
    await promisify(execFile)('npm', [...install, `pouchdb-server@${version}`], { cwd: coming });
    renameSync(coming, place);
    return true;
  } catch {
    rmSync(coming, { recursive: true, force: true });
    return existsSync(place);
  }
}

async function startPouchDb(program: string, folder: string, databases: number): Promise<PouchDb> {
  const data = join(folder, 'data');
  mkdirSync(data, { recursive: true });
  const port = await findFreePort();
  const child = launch(program, folder, ['--host', '127.0.0.1', '--port', String(port), '--dir', data]);
  const url = `http://127.0.0.1:${port}`;
  await waitUntilItAnswers(url, child);
  for (let at = 0; at < databases; at += 1) await createDatabase(url, at);
  return {
    pid: child.pid ?? 0,
    write: (batches) => write(url, batches),
    readAll: (rowsPerPage) => readAll(url, databases, rowsPerPage),
    async [Symbol.asyncDispose]() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function launch(program: string, folder: string, options: readonly string[]): ChildProcess {
  const log = openSync(join(folder, 'pouchdb.log'), 'a');
  try {
    // Its own log goes nowhere: what it costs to write one is not what is compared.
    const quiet = ['--no-stdout-logs', '--config', join(folder, 'config.json')];
    const child = spawn(process.execPath, ['--no-deprecation', program, ...options, ...quiet], {
      cwd: folder,
      env: { PATH: process.env.PATH ?? '', NODE_ENV: 'production' },
      stdio: ['ignore', log, log],
    });
    process.once('exit', () => void child.kill('SIGKILL'));
    return child;
  } finally {
    closeSync(log);
  }
}

async function findFreePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}

async function waitUntilItAnswers(url: string, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + startsWithinMs;
  for (;;) {
    const answered = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (answered) return;
    if (child.exitCode !== null || performance.now() > deadline)
      throw new Error('PouchDB Server did not start');
    await sleep(50);
  }
}

async function createDatabase(url: string, at: number): Promise<void> {
  const { status } = await fetch(`${url}/${nameOf(at)}`, { method: 'PUT' });
  if (status !== 201) throw new Error(`PouchDB Server answered ${status} to a new database`);
}

const nameOf = (vault: number) => `vault${vault}`;

async function write(url: string, batches: readonly Batch[]): Promise<Omit<Sample, 'cpuSeconds'>> {
  const requests = batches.map(bulkRequest);
  const answers: Buffer[] = [];
  const load = await runLoad(url, async (send) => {
    for (let request = requests.pop(); request !== undefined; request = requests.pop())
      answers.push(Buffer.from(await send(request)));
  });
  const results = answers.flatMap((answer): { ok?: true }[] => JSON.parse(answer.toString()));
  const changes = batches.reduce((sum, batch) => sum + batch.changes.length, 0);
  if (results.filter(({ ok }) => ok).length !== changes)
    throw new Error('PouchDB Server did not store every document');
  return { ...load, changes, requests: batches.length };
}

/** A document holds what a change says: none of its members begins with the underscore that CouchDB keeps to itself. */
function bulkRequest({ vault, changes }: Batch): Buffer {
  const docs = changes.map(({ id, ...change }) => ({ _id: id, ...change }));
  return requestBytes('POST', `/${nameOf(vault)}/_bulk_docs`, {}, Buffer.from(JSON.stringify({ docs })));
}

async function readAll(
  url: string,
  databases: number,
  rowsPerPage: number,
): Promise<Omit<Sample, 'cpuSeconds'>> {
  const waiting = Array.from({ length: databases }, (_, at) => at);
  let changes = 0;
  const load = await runLoad(url, async (send) => {
    for (let vault = waiting.pop(); vault !== undefined; vault = waiting.pop()) {
      const read = await readFeed(send, vault, rowsPerPage);
      changes += read;
    }
  });
  return { ...load, changes, requests: load.latenciesMs.length };
}

/** Its sequence numbers count documents here, because each was written once. */
async function readFeed(send: Send, vault: number, rowsPerPage: number): Promise<number> {
  for (let since = 0; ; ) {
    const query = `since=${since}&limit=${rowsPerPage}&include_docs=true`;
    const body = await send(requestBytes('GET', `/${nameOf(vault)}/_changes?${query}`, {}));
    const lastSeq = /"last_seq":(\d+)\}\s*$/.exec(
      body.toString('latin1', Math.max(0, body.length - 100)),
    )?.[1];
    if (lastSeq === undefined) throw new Error('the end of a page of PouchDB Server is not as expected');
    if (Number(lastSeq) - since < rowsPerPage) return Number(lastSeq);
    since = Number(lastSeq);
  }
}

export const pouchDbMissing =
  'PouchDB Server is left out: it is not in the cache and could not be fetched with npm.';
