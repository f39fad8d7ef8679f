/** Reads rows of a remote table in pages of bounded size: servers refuse to send more than some megabytes at once. */
import type { Read } from './footprint.ts';
import type { SqlStatement } from './hrana.ts';
import type { RemoteSqlError } from './remote-errors.ts';
import type { TableShape } from './scratch.ts';
import { type Row, rowsIn } from './stream.ts';

/** A page ends behind the row that reaches this. libSQL servers send at most 10 MB for one statement. */
const pageBytesMax = 4 * 1024 * 1024;

export interface Page {
  readonly rows: readonly Row[];
  readonly bytes: number;
  /** Where the next page begins; undefined behind the last one. */
  readonly next: number | undefined;
}

/** What a row costs on the wire beside what it holds. */
const rowBytes = 500;

/** The rows behind `after`, in the order in which they were written. */
export function pageQuery(table: TableShape, read: Read, after: number): SqlStatement {
  const { name } = table;
  const { where, args } = read;
  const columns = table.columns.join();
  if (!isPaged(table, read))
    return { sql: `SELECT 0 AS chosen_row, 0 AS bytes_up_to, ${columns} FROM ${name} WHERE ${where}`, args };
  const weight = table.columns.map((column) => `coalesce(octet_length(${column}), 0)`).join(' + ');
  const sql = `WITH
    chosen AS (SELECT rowid AS chosen_row, ${rowBytes} + ${weight} AS chosen_bytes
      FROM ${name} WHERE (${where}) AND rowid > ${after}),
    measured AS (SELECT *, sum(chosen_bytes) OVER (ORDER BY chosen_row) AS bytes_up_to FROM chosen)
    SELECT chosen_row, bytes_up_to, ${columns} FROM measured JOIN ${name} ON ${name}.rowid = chosen_row
    WHERE bytes_up_to - chosen_bytes < ${pageBytesMax} ORDER BY chosen_row`;
  return { sql, args };
}

/** Tables without a rowid are small ones. */
const isPaged = ({ hasRowid }: TableShape, { isBounded }: Read): boolean => hasRowid && isBounded !== true;

export function readPage(answer: readonly Row[] | RemoteSqlError | undefined): Page {
  const answered = rowsIn(answer);
  const rows = answered.map((row) => row.slice(2));
  const [last, bytes] = (answered.at(-1) ?? [0, 0]).map(Number);
  if (last === undefined || bytes === undefined || Number.isNaN(last + bytes))
    throw new Error('a page begins with two numbers');
  return { rows, bytes, next: bytes < pageBytesMax ? undefined : last };
}
