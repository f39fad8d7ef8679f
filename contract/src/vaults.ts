/** `/admin/vaults`: what an operator may know of vaults and do with them. Nothing here says whose a vault is. */
import Type, { type Static } from 'typebox';
import { Nullable, Strict, Timestamp, Uuid } from './common.ts';

export const VaultName = Type.String({
  pattern: '^[0-9a-f]{32}$',
  description: 'The random name of a vault, which is also that of its file.',
});

export const VaultState = Type.Object({
  name: VaultName,
  schemaVersion: Nullable(Type.Integer({ description: 'As last seen; null before it was looked at.' })),
  trouble: Nullable(
    Type.Object({
      code: Type.String({ description: 'Why it could not be looked after when that was last tried.' }),
      since: Timestamp,
      attempts: Type.Integer(),
      retryAt: Timestamp,
    }),
  ),
  tidiedAt: Nullable(Timestamp),
  tidyAt: Type.String({
    ...Timestamp,
    description:
      'When it is looked at, at the latest, for what can be forgotten: old deletions, settled conflicts.',
  }),
});
export type VaultState = Static<typeof VaultState>;

export const VaultList = Type.Object({ data: Type.Array(VaultState), nextCursor: Nullable(Type.String()) });
export type VaultList = Static<typeof VaultList>;

export const VaultListQuery = Strict({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
  cursor: Type.Optional(Type.String({ pattern: '^[0-9a-f]{32}$' })),
  only: Type.Optional(
    Type.Literal('troubled', { description: 'Only those that could not be looked after.' }),
  ),
  account: Type.Optional(Uuid),
});
export type VaultListQuery = Static<typeof VaultListQuery>;

/** How far the vaults have come to the schema of this server. */
export const VaultProgress = Type.Object({
  schemaVersion: Type.Integer({ description: 'The schema that every vault is being brought to.' }),
  total: Type.Integer(),
  current: Type.Integer({ description: 'Vaults that have it.' }),
  waiting: Type.Integer({ description: 'Vaults that are still to be looked at.' }),
  troubled: Type.Integer({
    description: 'Vaults that could not be looked after, and are tried again.',
  }),
  untidy: Type.Integer({ description: 'Vaults that may have something to forget by now.' }),
});
export type VaultProgress = Static<typeof VaultProgress>;

const path = (description: string) => Type.String({ minLength: 1, maxLength: 4096, description });

export const VaultBackupRequest = Strict({
  vault: VaultName,
  directory: path('A folder on the machine of the server, as an absolute path.'),
});
export const VaultBackup = Type.Object({ file: Type.String(), sizeBytes: Type.Integer() });
export type VaultBackup = Static<typeof VaultBackup>;

export const VaultRestoreRequest = Strict({
  file: path('A file on the machine of the server, as an absolute path.'),
  vault: Type.Optional(VaultName),
  account: Type.Optional(Uuid),
});
export type VaultRestoreRequest = Static<typeof VaultRestoreRequest>;
/** The vault that begins another history. */
export const VaultRestored = Type.Object({ vault: VaultName });
export type VaultRestored = Static<typeof VaultRestored>;

export const VaultBranchRequest = Strict({ vault: VaultName });

export const VaultHome = Type.Union([Type.Literal('local'), Type.Literal('remote')], {
  description:
    '`local`: a file on the machine of the server. `remote`: a database of the libSQL server or of Turso.',
});

export const VaultMove = Strict({ vault: VaultName, home: VaultHome });
export const VaultMoved = Type.Object({
  vault: VaultName,
  home: VaultHome,
  rows: Nullable(Type.Integer({ description: 'Null when it was there already.' })),
  sha256: Nullable(Type.String({ description: 'Of every row of every table, in their order.' })),
});
export type VaultMoved = Static<typeof VaultMoved>;
