/** The process: settings in, signals, start, drain, stop. */
import { createApp } from './app.ts';
import { systemClock } from './platform/clock/index.ts';
import { type Environment, parseSettings, readEnvironment, type Settings } from './platform/config/index.ts';
import { giveBackGarbage } from './platform/heap/index.ts';
import { createLogger, type Logger } from './platform/telemetry/index.ts';
import { version } from './version.ts';

/** After this a supervisor's patience ends (10 s is common), so the rest of the stop has to fit behind it. */
const drainMs = 6000;

/** Most of what a start has taken is garbage by then. The engine would leave it where it is until there is more. */
const settledAfterMs = 1000;

/** Runs the service until it is told to stop. Resolves with the process's exit code. */
export async function start(env: Environment): Promise<number> {
  const settings = parseSettings(readEnvironment(process.cwd(), env));
  const log = createLogger(settings.log);
  const stopped = Promise.withResolvers<string>();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopped.resolve(signal));

  await serve(settings, log, stopped.promise);
  log.info('stopped');
  return 0;
}

/** Everything is closed when it resolves. */
async function serve(settings: Settings, log: Logger, stopped: Promise<string>): Promise<void> {
  await using app = await createApp(settings, { clock: systemClock, log });
  const address = await app.listen();
  process.stdout.write(greeting(settings, address, app.isFirstStart));
  log.info({ address, database: settings.database.kind, dataDir: settings.dataDir }, 'ready');

  const settling = setTimeout(giveBackGarbage, settledAfterMs);
  const reason = await stopped;
  clearTimeout(settling);
  log.info({ reason }, 'draining: requests in flight may finish');
  await app.drain(drainMs);
}

function greeting({ database, dataDir }: Settings, address: string, isFirstStart: boolean): string {
  const where =
    database.kind === 'embedded' ? 'embedded PostgreSQL, in the data folder' : 'PostgreSQL at DATABASE_URL';
  const lines = [
    `Alcove ${version} listens on ${address}`,
    `  database   ${where}`,
    `  data       ${dataDir}`,
    `  API        ${address}/docs`,
  ];
  if (isFirstStart) {
    lines.push(
      `  operator   token for /metrics and /health/detailed in ${dataDir}/operator.token`,
      `  master key ${dataDir}/master.key - back it up: without it, encrypted data cannot be read`,
      '  next       npm run tour - pairs two devices and shows what the server can see',
    );
  }
  return `${lines.join('\n')}\n`;
}
