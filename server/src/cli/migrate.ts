import type { Command } from './command.ts';

export const migrate: Command = {
  name: 'migrate',
  summary: 'Show or change the schema of the control database.',
  operands: [
    {
      name: 'what to do',
      choices: {
        status: 'List every migration and when it was applied.',
        up: 'Apply what is missing.',
        down: 'Take back the newest one, or all that are newer than --to.',
      },
    },
  ],
  options: {
    'dry-run': { what: 'Try it in a transaction, say what it did, and take it back.' },
    to: { value: 'NAME', what: 'Stop with this migration, for example 0001_identity.' },
  },
  details:
    '`alcove start` applies what is missing by itself. Vaults are migrated one by one when they are opened.\n' +
    'Going down deletes what the migration had brought: make a backup first.',
  async run(given) {
    // Loaded only here: the database takes longer to load than the other commands take altogether.
    const { changeSchema } = await import('./control-schema.ts');
    console.log(await changeSchema(given));
    return 0;
  },
};
