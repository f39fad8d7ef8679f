import {
  type Environment,
  exampleFile,
  parseSettings,
  readEnvironment,
  type Setting,
  settingsTable,
} from '../platform/config/index.ts';
import type { Command } from './command.ts';

export const settings: Command = {
  name: 'settings',
  summary: 'List every setting with its value and what it is for.',
  operands: [],
  options: { example: { what: 'Print a .env file with every setting at its default.' } },
  details: 'Secrets are never shown. Exits with 1 when `alcove start` would refuse the settings.',
  async run({ switches }) {
    if (switches.has('example')) {
      process.stdout.write(exampleFile());
      return 0;
    }
    const env = readEnvironment(process.cwd(), process.env);
    console.log(
      Object.values(settingsTable)
        .map((setting) => describe(setting, env))
        .join('\n\n'),
    );
    parseSettings(env);
    return 0;
  },
};

function describe({ name, what, secret, fallbackText }: Setting<unknown>, env: Environment): string {
  const text = env[name]?.trim() ?? '';
  if (text === '')
    return `${name}${fallbackText === undefined ? ' is not set' : `=${fallbackText}`}\n    ${what}`;
  return `${name}=${secret === true ? '[secret]' : text} (set)\n    ${what}`;
}
