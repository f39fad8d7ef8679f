/** The server of the tour: the one that runs where the settings say, or one of its own. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { TourFailure } from './failure.ts';

const program = fileURLToPath(new URL('../../server/bin/alcove.mjs', import.meta.url));
const findTimeoutMs = 2000;
const startTimeoutMs = 60_000;
const stopTimeoutMs = 10_000;

export type Environment = Readonly<Record<string, string | undefined>>;
type Child = ChildProcessByStdio<null, Readable, Readable>;

/** The few settings of the server that the tour has to know too, from the environment and the folder's `.env`. */
export interface ServerSettings {
  readonly url: string;
  /** Undefined unless set. */
  readonly dataDir: string | undefined;
}

export function readServerSettings(env: Environment): ServerSettings {
  const read = (name: string): string | undefined => env[name]?.trim() || undefined;
  const host = read('HOST') ?? '127.0.0.1';
  const dataDir = read('ALCOVE_DATA_DIR');
  return {
    url: `http://${callableHost(host)}:${read('PORT') ?? '8080'}`,
    dataDir: dataDir === undefined ? undefined : resolve(dataDir),
  };
}

/** What is really set wins over the file, as it does for the server. */
export function readEnvironment(folder: string, env: Environment): Environment {
  return { ...parseEnv(readOptional(join(folder, '.env'))), ...env };
}

/** True when an Alcove answers there. Anything else that does is left alone. */
export async function isAlcoveAt(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(findTimeoutMs), redirect: 'error' });
    const answer: unknown = await response.json();
    return typeof answer === 'object' && answer !== null && 'name' in answer && answer.name === 'alcove';
  } catch {
    return false;
  }
}

/** A server as a process of its own. Disposing of it lets it drain, and waits until it is gone. */
export interface OwnServer extends AsyncDisposable {
  /** Its address, once it listens. Throws a `TourFailure` with the server's own words when it does not start. */
  ready(): Promise<string>;
}

/** Spawns a server. `overrides` win over the settings; an empty text counts as not set. */
export function spawnServer(overrides: Environment): OwnServer {
  const child = spawn(process.execPath, [program, 'start'], {
    env: { ...process.env, ALCOVE_LOG_LEVEL: 'warn', ...overrides },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = recordOutput(child);
  return {
    ready: () => waitUntilReady(child, said),
    [Symbol.asyncDispose]: () => stop(child),
  };
}

/** Its words so far, and where it listens as soon as its greeting says so. */
interface Said {
  readonly address: Promise<string>;
  text(): string;
}

function recordOutput(child: Child): Said {
  const { promise, resolve: found } = Promise.withResolvers<string>();
  let text = '';
  const hear = (more: string) => {
    text += more;
    const [, address] = /listens on (http\S+)\s/.exec(text) ?? [];
    if (address !== undefined) found(address);
  };
  child.stdout.setEncoding('utf8').on('data', hear);
  child.stderr.setEncoding('utf8').on('data', hear);
  return { address: promise, text: () => text };
}

async function waitUntilReady(child: Child, said: Said): Promise<string> {
  const deadline = AbortSignal.timeout(startTimeoutMs);
  const closed = once(child, 'close', { signal: deadline }).then(
    () => undefined,
    () => undefined,
  );
  const address = await Promise.race([said.address, closed]);
  if (address !== undefined) return address;
  const limit = deadline.aborted ? ` within ${startTimeoutMs / 1000} s` : '';
  throw new TourFailure(`the server did not start${limit}. It said:\n${said.text().trim() || '(nothing)'}`);
}

async function stop(child: Child): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  const patience = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
  child.kill('SIGTERM');
  await exited;
  clearTimeout(patience);
}

/** Listening everywhere is not an address one can call. */
function callableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

function readOptional(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  }
}
