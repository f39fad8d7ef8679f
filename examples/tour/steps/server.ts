/** Which server the tour talks to. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { formatMs, timed } from '../figures.ts';
import { type Environment, isAlcoveAt, readServerSettings, spawnServer } from '../server.ts';
import type { Stage } from '../stage.ts';

export interface TourServer {
  readonly url: string;
  /** Where its data lies; undefined where that is not on this machine, or not to be read by this user. */
  readonly dataDir: string | undefined;
  /** True when the account and its data go with the tour. */
  readonly isTemporary: boolean;
}

/** Takes the server that runs where the settings say, or starts one and leaves it on the stage to be stopped. */
export async function openServer(stage: Stage, env: Environment): Promise<TourServer> {
  const { url, dataDir } = readServerSettings(env);
  stage.terminal.step('Find a server, or start one');
  if (await isAlcoveAt(url)) return useRunning(stage, url, dataDir ?? resolve('data'));
  return dataDir === undefined ? startTemporary(stage) : startOn(stage, dataDir);
}

async function useRunning({ terminal }: Stage, url: string, dataDir: string): Promise<TourServer> {
  terminal.fact(`One is running at ${url}; the tour makes an account of its own there.`);
  const isReadable = await access(join(dataDir, 'vaults'), constants.R_OK).then(
    () => true,
    () => false,
  );
  return { url, dataDir: isReadable ? dataDir : undefined, isTemporary: false };
}

/** Everything in one temporary folder: also where the settings name a PostgreSQL, the tour leaves nothing there. */
function startTemporary(stage: Stage): Promise<TourServer> {
  const dataDir = join(stage.folder, 'server');
  const overrides = { ALCOVE_DATA_DIR: dataDir, DATABASE_URL: '', ALCOVE_MASTER_KEY: '', PUBLIC_URL: '' };
  return start(stage, { dataDir, isTemporary: true }, overrides);
}

function startOn(stage: Stage, dataDir: string): Promise<TourServer> {
  return start(stage, { dataDir, isTemporary: false }, { ALCOVE_DATA_DIR: dataDir });
}

async function start(
  { terminal, opened, signal }: Stage,
  place: { readonly dataDir: string; readonly isTemporary: boolean },
  overrides: Environment,
): Promise<TourServer> {
  signal.throwIfAborted();
  const server = opened.use(spawnServer({ ...overrides, HOST: '127.0.0.1', PORT: '0' }));
  const { result: url, ms } = await timed(() => server.ready());
  terminal.fact(`Started one at ${url}, ready after ${formatMs(ms)}.`);
  terminal.fact(`Its data: ${place.dataDir}${place.isTemporary ? ' (removed at the end)' : ' (kept)'}`);
  return { ...place, url };
}
