import type { Command } from './command.ts';

export const start: Command = {
  name: 'start',
  summary: 'Run the service until it is told to stop.',
  operands: [],
  options: {},
  details:
    'Settings come from the environment and from .env in this folder; `alcove settings` lists them.\n' +
    'SIGTERM and SIGINT let requests under way finish, then stop.',
  async run() {
    // Loaded only here, so that help does not wait for the whole service.
    const main = await import('../main.ts');
    return main.start(process.env);
  },
};
