import type { PGlite } from '@electric-sql/pglite';

/**
 * A deleted row stays in its table's file until it is written over, and in the write-ahead log until that is removed. So
 * every table is written anew without its dead rows, and then the log is ended and dropped (`wal_recycle` is off, so old
 * pieces of it are removed and not kept for later use). A table at a time, so that others get their turn in between.
 */
export async function scrubEmbedded(pglite: PGlite): Promise<void> {
  const { rows } = await pglite.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c
      join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and n.nspname in ('public', 'jobs') order by 1`,
  );
  for (const { name } of rows) await pglite.exec(`vacuum full ${name}`);
  for (const statement of ['checkpoint', 'select pg_switch_wal()', 'checkpoint'])
    await pglite.exec(statement);
}
