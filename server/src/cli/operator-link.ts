/** The operator's way to the service: the one that runs on the data folder or, where none does, one that lives for this. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createApp } from '../app.ts';
import { systemClock } from '../platform/clock/index.ts';
import { type Environment, parseSettings, readEnvironment, type Settings } from '../platform/config/index.ts';
import { DataFolderError, findHolderAddress } from '../platform/lock/index.ts';
import { createLogger } from '../platform/telemetry/index.ts';
import { RefusedError, UnansweredError } from './refused.ts';

export interface OperatorLink {
  /** Calls a route below `/api/v1/admin`. Throws a `RefusedError` for whatever is not a success, an `UnansweredError` for silence. */
  call<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T>;
}

export async function withOperatorLink<T>(
  work: (link: OperatorLink) => Promise<T>,
  env: Environment = process.env,
): Promise<T> {
  const settings = parseSettings(readEnvironment(process.cwd(), env));
  await using service = await reachService(settings);
  return await work(createLink(service.url, readToken(settings)));
}

interface Service extends AsyncDisposable {
  readonly url: string;
}

async function reachService(settings: Settings): Promise<Service> {
  try {
    return await startService(settings);
  } catch (error) {
    if (!(error instanceof DataFolderError)) throw error;
    const url = findHolderAddress(settings.dataDir);
    if (url === undefined || !(await answers(url))) throw error;
    return { url, [Symbol.asyncDispose]: async () => undefined };
  }
}

/** On a port that nobody knows, so that no device finds it. What it logs goes where it is not taken for the answer. */
async function startService(settings: Settings): Promise<Service> {
  const log = createLogger({ level: 'error', write: (line) => process.stderr.write(line) });
  const http = { ...settings.http, host: '127.0.0.1', port: 0 };
  const app = await createApp({ ...settings, http }, { clock: systemClock, log });
  return { url: await app.listen(), [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() };
}

const answers = (url: string): Promise<boolean> =>
  fetch(`${url}/healthz`).then(
    ({ ok }) => ok,
    () => false,
  );

function readToken({ operator, dataDir }: Settings): string {
  return operator.token?.reveal() ?? readFileSync(join(dataDir, 'operator.token'), 'utf8').trim();
}

function createLink(url: string, token: string): OperatorLink {
  async function call<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${url}/api/v1/admin${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error: unknown) => {
      // It went away, or had no answer within the five minutes that fetch waits for one.
      throw new UnansweredError(url, error);
    });
    const answer = await response.json();
    if (response.ok) return answer;
    const waitSeconds = Number(response.headers.get('retry-after'));
    // Copying thousands of vaults is a lot of calls.
    if (response.status !== 429 || !(waitSeconds > 0)) throw new RefusedError(answer.code, answer.detail);
    await sleep(waitSeconds * 1000);
    return call(method, path, body);
  }
  return { call };
}
