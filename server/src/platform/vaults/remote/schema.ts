/**
 * The schema of a remote vault. Its version stands in a table, as everywhere: `user_version` cannot be written there.
 * Beside it, `vault_home` says whether the vault is being moved away; it belongs to the place and not to the vault.
 */
import { vaultMoving } from '../errors.ts';
import { listMissing, type VaultMigration } from '../migrate.ts';
import { RemoteSqlError } from './remote-errors.ts';
import type { Row, Stream } from './stream.ts';

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

/** Reads the answer to `stateQuery`: the version of the vault, 0 where there is none. Refuses a vault that is on the move. */
export function readState(answer: readonly Row[] | RemoteSqlError | undefined): number {
  if (answer === undefined) throw new Error('each statement has an answer');
  if (answer instanceof RemoteSqlError) {
    if (answer.message.includes('no such table')) return 0;
    throw answer;
  }
  const [version, frozen] = answer[0] ?? [];
  if (frozen === 1) throw vaultMoving({ detail: 'Try again soon.', headers: { 'Retry-After': '2' } });
  return Number(version ?? 0);
}

/** Brings the vault to the newest version, in one transaction: of two nodes that try, the second finds it done. */
export async function migrateRemote(
  stream: Stream,
  migrations: readonly VaultMigration[],
  options: { create: boolean },
): Promise<void> {
  const answers = await stream.query([...foundations, stateQuery]);
  for (const answer of answers) if (answer instanceof RemoteSqlError) throw answer;
  const missing = listMissing(migrations, readState(answers.at(-1)), options);
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
