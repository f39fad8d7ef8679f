import { type Command, UsageError } from './command.ts';

export const vaults: Command = {
  name: 'vaults',
  summary:
    "Look after people's vaults: their schema, copies of them, putting copies back, and where they lie.",
  operands: [
    {
      name: 'what to do',
      choices: {
        status: 'Say how far the vaults have come to the newest schema, and list those in trouble.',
        migrate: 'Bring every vault to the newest schema now, and wait until that is done.',
        backup: 'Copy vaults into the folder --to, while they are in use.',
        restore:
          'Put the copy --from in the place of a vault, or the copies in the folder --from in that of all.',
        branch:
          'Let vaults whose files were put back by hand begin a new history, in which their devices bring what they lack.',
        move: 'Bring vaults to the home --to: local, files of this machine, or remote, the server of VAULT_URL or Turso.',
      },
    },
  ],
  options: {
    all: { what: 'Of every vault.' },
    vault: { value: 'NAME', what: 'Of the vault with this name.' },
    account: { value: 'ID', what: 'Of the vault of this account.' },
    to: {
      value: 'FOLDER',
      what: 'Where copies go, as NAME.db; older ones there are replaced. For move: local or remote.',
    },
    from: { value: 'PATH', what: 'The copy to put back, or with --all the folder of copies.' },
  },
  details: `Works beside a running service, and without one. Copies are made by the service, on its machine and as its user.

restore throws away what the vault holds now. The devices of its owner are told: they keep what they have, and send what
the copy lacks. docs/operations.md says more.`,
  async run({ operands: [action], values, switches }) {
    const which = { all: switches.has('all'), vault: values.vault, account: values.account };
    if (action === 'backup')
      requireTarget('backup', which, values.to === undefined ? '--to FOLDER' : undefined);
    if (action === 'restore')
      requireTarget('restore', which, values.from === undefined ? '--from PATH' : undefined);
    if (action === 'branch') requireTarget('branch', which, undefined);
    if (action === 'move')
      requireTarget('move', which, isHome(values.to) ? undefined : '--to local or --to remote');
    // Loaded only here: the service takes longer to load than the other commands take altogether.
    const actions = await import('./vaults-actions.ts');
    const report = (line: string) => console.log(line);
    if (action === 'status') return actions.showVaults(report);
    if (action === 'migrate') return actions.migrateVaults(report);
    if (action === 'backup') return actions.backUpVaults({ ...which, to: values.to ?? '' }, report);
    if (action === 'branch') return actions.branchVaults(which, report);
    if (action === 'move') return actions.moveVaults({ ...which, to: values.to ?? '' }, report);
    return actions.restoreVaults({ ...which, from: values.from ?? '' }, report);
  },
};

const isHome = (text: string | undefined): boolean => text === 'local' || text === 'remote';

/** Which vaults are meant. */
export interface Which {
  readonly all: boolean;
  readonly vault: string | undefined;
  readonly account: string | undefined;
}

function requireTarget(action: string, which: Which, missing: string | undefined): void {
  if (missing !== undefined) throw new UsageError(`\`alcove vaults ${action}\` needs ${missing}.`);
  if (countGiven(which) !== 1)
    throw new UsageError(`\`alcove vaults ${action}\` needs one of --all, --vault NAME and --account ID.`);
}

const countGiven = ({ all, vault, account }: Which) =>
  [all, vault !== undefined, account !== undefined].filter(Boolean).length;
