import { type Command, UsageError } from './command.ts';

export const vaults: Command = {
  name: 'vaults',
  summary: "Look after people's vaults: their schema, copies of them, and putting copies back.",
  operands: [
    {
      name: 'what to do',
      choices: {
        status: 'Say how far the vaults have come to the newest schema, and list those in trouble.',
        migrate: 'Bring every vault to the newest schema now, and wait until that is done.',
        backup: 'Copy vaults into the folder --to, while they are in use.',
        restore: 'Put the copy --from in the place of a vault.',
      },
    },
  ],
  options: {
    all: { what: 'Of every vault.' },
    vault: { value: 'NAME', what: 'Of the vault with this name.' },
    account: { value: 'ID', what: 'Of the vault of this account.' },
    to: { value: 'FOLDER', what: 'Where copies go, as NAME.db; older ones there are replaced.' },
    from: { value: 'FILE', what: 'The copy to put back.' },
  },
  details: `Works beside a running service, and without one. Copies are made by the service, on its machine and as its user.

restore throws away what the vault holds now. The devices of its owner are told: they keep what they have, and send what
the copy lacks. docs/operations.md says more.`,
  async run({ operands: [action], values, switches }) {
    const which = { all: switches.has('all'), vault: values.vault, account: values.account };
    if (action === 'backup') requireOneOf(which, values.to);
    if (action === 'restore') requireOne(which, values.from);
    // Loaded only here: the service takes longer to load than the other commands take altogether.
    const actions = await import('./vaults-actions.ts');
    const report = (line: string) => console.log(line);
    if (action === 'status') return actions.showVaults(report);
    if (action === 'migrate') return actions.migrateVaults(report);
    if (action === 'backup') return actions.backUpVaults({ ...which, to: values.to ?? '' }, report);
    return actions.restoreVault({ ...which, from: values.from ?? '' }, report);
  },
};

/** Which vaults are meant. */
export interface Which {
  readonly all: boolean;
  readonly vault: string | undefined;
  readonly account: string | undefined;
}

function requireOneOf(which: Which, to: string | undefined): void {
  if (to === undefined) throw new UsageError('`alcove vaults backup` needs --to FOLDER.');
  if (countGiven(which) !== 1)
    throw new UsageError('`alcove vaults backup` needs one of --all, --vault NAME and --account ID.');
}

function requireOne(which: Which, from: string | undefined): void {
  if (from === undefined) throw new UsageError('`alcove vaults restore` needs --from FILE.');
  if (which.all || countGiven(which) !== 1)
    throw new UsageError('`alcove vaults restore` needs either --vault NAME or --account ID.');
}

const countGiven = ({ all, vault, account }: Which) =>
  [all, vault !== undefined, account !== undefined].filter(Boolean).length;
