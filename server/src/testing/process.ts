/** The service as an operator runs it: a process of its own, started from the command line. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const alcoveBin: string = fileURLToPath(new URL('../../bin/alcove.mjs', import.meta.url));

export interface ServerProcess extends AsyncDisposable {
  /** Where it listens, without a slash at its end. */
  readonly url: string;
  readonly pid: number;
  /** From the start of the process to its word that it listens. */
  readonly readyAfterMs: number;
  /** What it printed so far. */
  output(): string;
  /** SIGKILL: ends it in the middle of whatever it is doing, as the kernel would when memory runs out. */
  kill(): Promise<void>;
  /** SIGTERM: asks it to stop. Resolves with its exit code, or null when a signal ended it. */
  stop(): Promise<number | null>;
}

export interface ServerProcessOptions {
  readonly dataDir: string;
  /** Takes everything that it prints. A file, because a pipe would make whoever reads it part of the work. */
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  /** For Node itself, such as `--cpu-prof`. */
  readonly nodeOptions?: readonly string[];
}

/** Starts it on a free port and waits until it listens. It sees none of this process's settings. */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const startedAt = performance.now();
  const printedBefore = readText(options.logFile).length;
  const output = () => readText(options.logFile).slice(printedBefore);
  const child = launch(options);
  const killWithUs = () => void child.kill('SIGKILL');
  process.once('exit', killWithUs);
  const exited = once(child, 'exit').finally(() => process.off('exit', killWithUs));
  const url = await waitForAddress(child, output);
  const readyAfterMs = performance.now() - startedAt;

  async function end(signal: NodeJS.Signals): Promise<number | null> {
    child.kill(signal);
    await exited;
    return child.exitCode;
  }
  return {
    url,
    pid: child.pid ?? 0,
    readyAfterMs,
    output,
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
    [Symbol.asyncDispose]: async () => void (await end('SIGKILL')),
  };
}

function launch({ dataDir, logFile, env, nodeOptions = [] }: ServerProcessOptions): ChildProcess {
  const log = openSync(logFile, 'a');
  try {
    return spawn(process.execPath, [...nodeOptions, alcoveBin, 'start'], {
      // Away from the repository, whose .env belongs to a person.
      cwd: dirname(logFile),
      env: {
        PATH: process.env.PATH ?? '',
        PORT: '0',
        ALCOVE_DATA_DIR: dataDir,
        ALCOVE_LIMIT_SCALE: '0',
        ...env,
      },
      stdio: ['ignore', log, log],
    });
  } finally {
    closeSync(log);
  }
}

async function waitForAddress(child: ChildProcess, output: () => string): Promise<string> {
  for (;;) {
    const address = /listens on (http:\S+)/.exec(output())?.[1];
    if (address !== undefined) return address;
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`the service did not start:\n${output()}`);
    await sleep(5);
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
