import { CompiledQuery, sql } from 'kysely';
import type { Db, PgBoss } from 'pg-boss';
import type { Transaction } from '../database/index.ts';

/**
 * Puts a task into the queue's table through an open transaction. The queue belongs to the owner, and a tenant's role
 * must not read what others asked for: the role is laid down for this one statement and taken up again.
 */
export async function enqueueIn(
  tx: Transaction,
  boss: PgBoss,
  task: string,
  data: Readonly<Record<string, string>>,
): Promise<void> {
  const role = await currentRole(tx);
  await setRole(tx, 'none');
  await boss.send(task, data, { db: through(tx) });
  await setRole(tx, role);
}

async function currentRole(tx: Transaction): Promise<string> {
  const { rows } = await sql<{ role: string }>`select current_setting('role') as role`.execute(tx);
  return rows[0]?.role ?? 'none';
}

async function setRole(tx: Transaction, role: string): Promise<void> {
  await sql`select set_config('role', ${role}, true)`.execute(tx);
}

function through(tx: Transaction): Db {
  return {
    executeSql: async (text, values) => {
      const { rows } = await tx.executeQuery(
        CompiledQuery.raw(text, values === undefined ? [] : [...values]),
      );
      return { rows };
    },
  };
}
