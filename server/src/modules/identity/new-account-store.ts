import { sql } from 'kysely';
import type { TxCtx } from '../../context.ts';
import type { AccountRow } from './store.ts';

/** Of several that come with one mail address at once, one gets it. Says whether it was this one. */
export async function insertAccountUnlessTaken(ctx: TxCtx, row: AccountRow): Promise<boolean> {
  const { rows } = await sql`
    insert into account (id, kind, email, email_verified_at, display_name, created_at, expires_at)
    values (${row.id}, ${row.kind}, ${row.email}, ${row.email_verified_at}, ${row.display_name},
      ${row.created_at}, ${row.expires_at})
    on conflict (email) where email is not null do nothing returning id`.execute(ctx.tx);
  return rows.length === 1;
}
