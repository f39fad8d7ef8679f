/** Puts other ciphertexts in the place of those that stand in the database, a few rows at a time. */
import { type RawBuilder, sql } from 'kysely';
import type { Database, Transaction } from './database.ts';

/** Where ciphertexts stand: a column of bytes, or a member of a column of JSON that holds them as base64url. */
export interface SealedColumn {
  readonly table: string;
  /** Names a row. */
  readonly key: string;
  readonly column: string;
  readonly member?: string;
}

/** How ciphertexts name the key that they are under. */
export interface KeyMark {
  /** Counted as SQL does, from 1. */
  readonly from: number;
  readonly sizeBytes: number;
}

const batchSize = 100;

/**
 * Gives every ciphertext of the column that is not under the key `keyId` to `rewrap`, and stores what that answers. Each
 * batch is a transaction, so that a crash loses nothing and others write meanwhile. Answers how many were changed.
 */
export async function resealColumn(
  database: Database,
  column: SealedColumn,
  parts: {
    readonly keyId: Uint8Array;
    readonly mark: KeyMark;
    readonly rewrap: (sealed: Buffer) => Uint8Array | undefined;
    /** Called after each batch that was committed. */
    readonly onBatch?: ((count: number) => void) | undefined;
  },
): Promise<number> {
  let total = 0;
  for (;;) {
    const count = await database.asOwner((tx) => resealBatch(tx, column, parts));
    if (count === 0) return total;
    total += count;
    parts.onBatch?.(count);
  }
}

/** How many ciphertexts of the column are under which key, by the key's id in hexadecimal. */
export async function countByKey(
  database: Database,
  column: SealedColumn,
  mark: KeyMark,
): Promise<ReadonlyMap<string, number>> {
  return database.asOwner(async (tx) => {
    if (!(await isThere(tx, column))) return new Map();
    const { rows } = await sql<{ key: string; count: number }>`
      select encode(${keyIdOf(column, mark)}, 'hex') as key, count(*)::int as count
      from ${sql.table(column.table)} where ${present(column)} group by 1 order by 1`.execute(tx);
    return new Map(rows.map(({ key, count }) => [key, count]));
  });
}

async function resealBatch(
  tx: Transaction,
  column: SealedColumn,
  { keyId, mark, rewrap }: Parameters<typeof resealColumn>[2],
): Promise<number> {
  if (!(await isThere(tx, column))) return 0;
  // Locked, so that nobody writes another ciphertext between reading this one and storing its successor.
  const { rows } = await sql<{ key: string; sealed: Buffer }>`
    select ${sql.ref(column.key)}::text as key, ${bytesOf(column)} as sealed
    from ${sql.table(column.table)}
    where ${present(column)} and ${keyIdOf(column, mark)} <> ${Buffer.from(keyId)}::bytea
    limit ${batchSize} for update`.execute(tx);
  for (const { key, sealed } of rows) {
    const changed = rewrap(sealed);
    if (changed === undefined) throw new Error(`a row of ${column.table} is under the key already`);
    await sql`update ${sql.table(column.table)} set ${sql.ref(column.column)} = ${stored(column, changed)}
      where ${sql.ref(column.key)}::text = ${key}`.execute(tx);
  }
  return rows.length;
}

/** The queue's tables are made by its first start. */
async function isThere(tx: Transaction, { table }: SealedColumn): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`select to_regclass(${table}) is not null as found`.execute(
    tx,
  );
  return rows[0]?.found === true;
}

const keyIdOf = (column: SealedColumn, { from, sizeBytes }: KeyMark) =>
  sql`substring(${bytesOf(column)} from ${sql.lit(from)} for ${sql.lit(sizeBytes)})`;

function bytesOf({ column, member }: SealedColumn): RawBuilder<Buffer> {
  if (member === undefined) return sql`${sql.ref(column)}`;
  const text = sql`translate(${sql.ref(column)} ->> ${sql.lit(member)}, '-_', '+/')`;
  return sql`decode(rpad(${text}, ((length(${text}) + 3) / 4) * 4, '='), 'base64')`;
}

function present({ column, member }: SealedColumn): RawBuilder<boolean> {
  return member === undefined
    ? sql`${sql.ref(column)} is not null`
    : sql`${sql.ref(column)} ? ${sql.lit(member)}`;
}

function stored({ column, member }: SealedColumn, bytes: Uint8Array): RawBuilder<unknown> {
  if (member === undefined) return sql`${Buffer.from(bytes)}`;
  const text = Buffer.from(bytes).toString('base64url');
  return sql`jsonb_set(${sql.ref(column)}, array[${sql.lit(member)}]::text[], to_jsonb(${text}::text))`;
}
