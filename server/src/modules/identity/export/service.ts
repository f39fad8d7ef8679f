/** Everything that is mine, as one archive: what the service knows, in the clear, and the vault as the service has it. */
import type { Readable } from 'node:stream';
import { type AccountActor, type Ctx, inTransaction, type TxCtx } from '../../../context.ts';
import type { Clock } from '../../../platform/clock/index.ts';
import { readOwnEntries } from '../../audit/index.ts';
import type { Trail } from '../trail.ts';
import { createArchive } from './archive.ts';
import { type Known, readKnown } from './export-store.ts';

/** What another module keeps for the account, item by item. */
export interface ArchivedFile {
  readonly name: string;
  readonly about: string;
  readonly isCompressible: boolean;
  readonly read: (ctx: Ctx<AccountActor>) => AsyncIterable<unknown>;
}

export function createExport({
  clock,
  trail,
  vaultFiles,
}: {
  readonly clock: Clock;
  readonly trail: Trail;
  readonly vaultFiles: readonly ArchivedFile[];
}) {
  return async (ctx: Ctx<AccountActor>): Promise<Readable> => {
    const known = await inTransaction(ctx, async (tx) => {
      await recordExport(tx, trail);
      return readKnown(tx);
    });
    const entries = [
      { name: 'README.txt', content: `${readme}${vaultFiles.map(describe).join('')}` },
      ...filesOf(known),
      { name: 'audit.jsonl', content: linesOf(readOwnEntries(ctx)) },
      ...vaultFiles.map(({ name, isCompressible, read }) => ({
        name,
        isCompressible,
        content: linesOf(read(ctx)),
      })),
    ];
    return createArchive(entries, new Date(clock.now()));
  };
}

function recordExport(tx: TxCtx<AccountActor>, trail: Trail): Promise<void> {
  const { accountId } = tx.actor;
  return trail.record(tx, accountId, {
    action: 'account.exported',
    target: { type: 'account', id: accountId },
  });
}

function filesOf({ account, devices, deviceLog, keys, keyShares, sessions, signIns, workspaces }: Known) {
  const file = (name: string, value: unknown) => ({ name, content: `${JSON.stringify(value, null, 2)}\n` });
  return [
    file('account.json', account[0] ?? null),
    file('devices.json', devices),
    file('device-log.json', deviceLog),
    file('keys.json', { epochs: keys, shares: keyShares }),
    file('sessions.json', sessions),
    file('sign-ins.json', signIns),
    file('workspaces.json', workspaces),
  ];
}

async function* linesOf(items: AsyncIterable<unknown>): AsyncGenerator<string> {
  for await (const item of items) yield `${JSON.stringify(item)}\n`;
}

const readme = `This archive holds what this service keeps for your account.

account.json      who you are here
devices.json      your devices and their public keys, also those that were taken out of use
device-log.json   the signed log of which devices were admitted and by which
keys.json         the generations of the vault's key, and your shares of them, each readable by one device alone
sessions.json     where you are and were signed in
sign-ins.json     accounts of other services that you sign in with
workspaces.json   the workspaces that you belong to, with your role
audit.jsonl       what you did, one entry a line
`;

const describe = ({ name, about }: ArchivedFile) => `${name.padEnd(18)}${about}\n`;
