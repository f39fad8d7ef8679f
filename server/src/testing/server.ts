import { createApp } from '../app.ts';
import { type Clock, systemClock } from '../platform/clock/index.ts';
import { type Environment, parseSettings } from '../platform/config/index.ts';
import { createLogger, type Logger } from '../platform/telemetry/index.ts';
import { copyTemplate } from './template.ts';

export interface TestServer extends AsyncDisposable {
  /** Where it listens, without a slash at its end. */
  readonly url: string;
  readonly dataDir: string;
  /** Where its control database is; undefined when that is embedded. */
  readonly databaseUrl: string | undefined;
  /** Stops the service and starts it again on the same folder, at another address; `env` takes the place of what was set. */
  restart(env?: Environment): Promise<void>;
  /** Does a job that otherwise runs by the clock. */
  runJob(name: string): Promise<void>;
  /** Stops the service and leaves its data, for a test that looks at them. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

export interface TestServerOptions {
  readonly env?: Environment;
  readonly clock?: Clock;
  readonly log?: Logger;
}

/** Starts a service on a free port with a data folder of its own, on the database that this run of the tests is for. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { dataDir, database, remove } = await copyTemplate();
  const start = async (env = options.env) => {
    const app = await createApp(settingsOf(dataDir, database, env), {
      clock: options.clock ?? systemClock,
      log: options.log ?? createLogger({ level: 'silent' }),
    });
    return { app, url: await app.listen() };
  };
  let running = await start();

  const stop = async () => running.app[Symbol.asyncDispose]();

  async function close(): Promise<void> {
    await stop();
    await remove();
  }
  return {
    get url() {
      return running.url;
    },
    dataDir,
    databaseUrl: database,
    async restart(env) {
      await stop();
      running = await start(env);
    },
    runJob: (name) => running.app.runJob(name),
    stop,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function settingsOf(dataDir: string, database: string | undefined, env: Environment = {}) {
  return parseSettings({
    PORT: '0',
    PUBLIC_URL: 'http://alcove.test',
    ALCOVE_DATA_DIR: dataDir,
    // A test calls as fast as it can; those of the limits turn them on.
    ALCOVE_LIMIT_SCALE: '0',
    // Several services run beside each other on the machine of a test.
    ALCOVE_VAULT_WORKERS: '2',
    ...(database === undefined ? {} : { DATABASE_URL: database }),
    ...env,
  });
}
