import { type Command, commandHelp, overview, UsageError, usage } from './cli/command.ts';
import { explainFailure } from './cli/explain.ts';
import { masterKey } from './cli/master-key.ts';
import { migrate } from './cli/migrate.ts';
import { parseArguments } from './cli/parse.ts';
import { settings } from './cli/settings.ts';
import { start } from './cli/start.ts';
import { tour } from './cli/tour.ts';
import { vaults } from './cli/vaults.ts';
import { findNearest } from './platform/config/index.ts';
import { version } from './version.ts';

const commands: readonly Command[] = [start, migrate, masterKey, vaults, tour, settings];

/** Runs one command line and answers the exit code: 0 done, 1 failed, 2 not understood. */
export async function runCli(argv: readonly string[]): Promise<number> {
  try {
    return await dispatch(argv);
  } catch (error) {
    const isUsage = error instanceof UsageError;
    console.error(isUsage ? `${error.message}\n${usage(commands)}` : explainFailure(error));
    return isUsage ? 2 : 1;
  }
}

async function dispatch([name, ...rest]: readonly string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h') return print(overview(commands));
  if (name === 'help')
    return print(rest[0] === undefined ? overview(commands) : commandHelp(getCommand(rest[0])));
  if (name === '--version') return print(version);
  const command = getCommand(name);
  if (rest.includes('--help') || rest.includes('-h')) return print(commandHelp(command));
  return command.run(parseArguments(command, rest));
}

function getCommand(name: string): Command {
  const command = commands.find((known) => known.name === name);
  if (command !== undefined) return command;
  const names = [...commands.map((known) => known.name), 'help'];
  const nearest = findNearest(name, names);
  const hint =
    nearest === undefined ? `There are ${names.join(', ')}.` : `Did you mean \`alcove ${nearest}\`?`;
  throw new UsageError(`There is no command ${JSON.stringify(name)}. ${hint}`);
}

function print(text: string): number {
  console.log(text);
  return 0;
}
