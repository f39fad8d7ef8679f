/**
 * The schema of a remote vault. Its version stands in a table, as everywhere: `user_version` cannot be written there.
 * Beside it, `vault_home` says whether the vault is being moved away; it belongs to the place and not to the vault.
 */
import { listMissing, type VaultMigration } from '../migrate.ts';
import { RemoteSqlError } from './remote-errors.ts';
import { type Row, rowsIn, type Stream } from './stream.ts';

/** To be asked in the transaction of whatever stands on the answer: another node may migrate or move the vault. */
export const stateQuery = {
  sql: 'SELECT (SELECT max(version) FROM schema_version), (SELECT frozen FROM vault_home)',
  args: [],
};

const foundations = [
  'BEGIN IMMEDIATE',
  `CREATE TABLE IF NOT EXISTS schema_version (
    version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL) STRICT`,
  'CREATE TABLE IF NOT EXISTS vault_home (only INTEGER PRIMARY KEY CHECK (only = 1), frozen INTEGER NOT NULL) STRICT',
  'INSERT OR IGNORE INTO vault_home VALUES (1, 0)',
].map((sql) => ({ sql, args: [] }));

export interface RemoteState {
  /** 0 where there is no vault. */
  readonly version: number;
  /** Nobody may read or write it: it is on its way to another home, or not whole yet. */
  readonly isFrozen: boolean;
}

/** Reads the answer to `stateQuery`. */
export function readState(answer: readonly Row[] | RemoteSqlError | undefined): RemoteState {
  if (answer instanceof RemoteSqlError && answer.message.includes('no such table'))
    return { version: 0, isFrozen: false };
  const [version, frozen] = rowsIn(answer)[0] ?? [];
  return { version: Number(version ?? 0), isFrozen: frozen === 1 };
}

export async function setFrozen(stream: Stream, isFrozen: boolean): Promise<void> {
  const answers = await stream.query(foundations);
  answers.forEach(rowsIn);
  await stream.commit([{ sql: 'UPDATE vault_home SET frozen = ?', args: [isFrozen ? 1 : 0] }]);
}

/** Brings the vault to the newest version, in one transaction: of two nodes that try, the second finds it done. */
export async function migrateRemote(
  stream: Stream,
  migrations: readonly VaultMigration[],
  options: { create: boolean },
): Promise<void> {
  const answers = await stream.query([...foundations, stateQuery]);
  answers.forEach(rowsIn);
  const missing = listMissing(migrations, readState(answers.at(-1)).version, options);
  await stream.commit(
    missing.flatMap(({ version, name, up }) => [
      ...up.map((sql) => ({ sql, args: [] })),
      {
        sql: `INSERT INTO schema_version VALUES (?, ?, strftime('%Y-%m-%dT%H:%M:%fZ'))`,
        args: [version, name],
      },
    ]),
  );
}
