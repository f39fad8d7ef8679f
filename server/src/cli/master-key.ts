import type { Command } from './command.ts';

export const masterKey: Command = {
  name: 'master-key',
  summary: 'Show, make or replace the key that wraps everything encrypted at rest.',
  operands: [
    {
      name: 'what to do',
      choices: {
        status: 'List the keys that are held, and what is encrypted under each.',
        create: 'Print a new key for ALCOVE_MASTER_KEY, wrapped by AWS KMS if that is set up.',
        rotate:
          'Wrap everything by a new key and drop the old one. Cut off, it goes on when it is run again.',
      },
    },
  ],
  options: {},
  details: `Where the key lies in the file master.key, rotate makes the new key itself; the service has to be stopped, and
other nodes need the new file. With AWS_KMS_KEY_ID set, the new key is wrapped by AWS KMS.

Where the key comes from ALCOVE_MASTER_KEY, the nodes may keep running. On all of them, set it
  1. to the old key and the new one, separated by a comma, and restart them;
  2. to the new key and the old one, and restart them; then run rotate once;
  3. to the new key alone, and restart them.

A backup from before needs the key from before: keep both together.`,
  async run({ operands: [action] }) {
    // Loaded only here: the database takes longer to load than the other commands take altogether.
    const keys = await import('./master-key-actions.ts');
    const report = (line: string) => console.log(line);
    if (action === 'status') await keys.showMasterKeys(report);
    else if (action === 'create') await keys.printMasterKey(report);
    else await keys.rotateMasterKey({ report });
    return 0;
  },
};
