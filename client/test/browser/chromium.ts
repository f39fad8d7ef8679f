/** The Chromium that the machine has, in a process of its own that a test can kill. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Browser, chromium } from 'playwright-core';

const path = '/usr/bin/chromium';
export const chromiumIsInstalled = existsSync(path);

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  '--remote-debugging-port=0',
];

export interface Chromium extends AsyncDisposable {
  readonly browser: Browser;
  /** SIGKILL to all its processes, in the middle of whatever they are doing. */
  kill(): Promise<void>;
}

/** Starts it on a profile, which it makes where there is none. */
export async function startChromium(profile: string): Promise<Chromium> {
  const child = spawn(path, [...flags, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own, which can be killed as one.
    detached: true,
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const kill = async () => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
      process.kill(-child.pid, 'SIGKILL');
    await exited;
  };
  const killWithUs = () => void kill();
  process.once('exit', killWithUs);
  const browser = await chromium.connectOverCDP(await findAddress(child.stderr));
  return {
    browser,
    kill,
    async [Symbol.asyncDispose]() {
      process.off('exit', killWithUs);
      await kill();
    },
  };
}

async function findAddress(output: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface(output)) {
    const address = /^DevTools listening on (ws:\S+)$/.exec(line)?.[1];
    if (address === undefined) continue;
    // What it says later is of no interest, and must not fill the pipe.
    output.resume();
    return address;
  }
  throw new Error('Chromium ended before it could be reached');
}

export async function makeProfile(): Promise<{ path: string; remove: () => Promise<void> }> {
  const profile = await mkdtemp(join(tmpdir(), 'alcove-chromium-'));
  return {
    path: profile,
    remove: () => rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }),
  };
}
