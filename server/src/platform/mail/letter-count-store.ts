/** The statements that count letters. */
import { sql } from 'kysely';
import type { Transaction } from '../database/index.ts';

export interface Counting {
  readonly now: Date;
  /** What was counted from before this on is forgotten. */
  readonly since: Date;
  readonly lettersMax: number;
}

/** Counts one letter more. Says whether there was room for it. */
export async function countLetter(
  tx: Transaction,
  recipient: Buffer,
  { now, since, lettersMax }: Counting,
): Promise<boolean> {
  const { rows } = await sql`
    insert into letter_count as known (recipient_hash, letters, since) values (${recipient}, 1, ${now})
    on conflict (recipient_hash) do update set
      letters = case when known.since < ${since} then 1 else known.letters + 1 end,
      since = case when known.since < ${since} then ${now}::timestamptz else known.since end
    where known.since < ${since} or known.letters < ${lettersMax}::int
    returning letters`.execute(tx);
  return rows.length === 1;
}

export async function deleteCountsBefore(tx: Transaction, before: Date): Promise<void> {
  await sql`delete from letter_count where since < ${before}`.execute(tx);
}
