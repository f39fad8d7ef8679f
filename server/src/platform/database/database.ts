import { Kysely, type Transaction as KyselyTransaction, sql } from 'kysely';
import type { Db } from 'pg-boss';
import { connectEmbedded } from './embedded.ts';
import { connectPostgres } from './postgres.ts';
import { ensureAppRole } from './tenancy.ts';

/** Statements run here, with `sql` from Kysely: one dialect for the embedded database and for PostgreSQL. */
export type Transaction = KyselyTransaction<Record<never, never>>;

/** Whose rows a transaction may see. Without a value, row level security shows nothing of that kind. */
export interface Tenant {
  readonly workspaceId: string | undefined;
  readonly accountId: string | undefined;
}

/**
 * The control database. It gives out transactions and nothing else: a statement outside of one would run as the owner
 * and slip past row level security, so there is no handle to write it with.
 */
export interface Database extends AsyncDisposable {
  readonly kind: 'embedded' | 'postgres';
  /** Runs `work` as the application's role; row level security shows it the tenant's rows alone. */
  asTenant<T>(tenant: Tenant, work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** Runs `work` as the owner, who sees every row: for sign-in, migrations and jobs. */
  asOwner<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /**
   * Drops what was deleted out of the database's files as well, as far as that is in our hands: on the embedded database
   * wholly, and everything waits meanwhile; on PostgreSQL its operator decides when space is used again and logs go.
   */
  scrub(): Promise<void>;
  /** What the job queue runs its own statements through. */
  readonly jobs: Db;
}

export interface DatabaseOptions {
  /** A PostgreSQL connection string. Without it the database is embedded. */
  readonly url?: string | undefined;
  /** Folder of the embedded database, made at the first start. */
  readonly directory: string;
  readonly onError: (error: unknown) => void;
}

export async function createDatabase(options: DatabaseOptions): Promise<Database> {
  const connection =
    options.url === undefined
      ? await connectEmbedded(options.directory)
      : connectPostgres(options.url, options.onError);
  const kysely = new Kysely<Record<never, never>>({ dialect: connection.dialect });
  await kysely.transaction().execute(ensureAppRole);

  return {
    kind: connection.kind,
    jobs: connection.jobs,
    scrub: () => connection.scrub(),
    asOwner: (work) => kysely.transaction().execute(work),
    asTenant: (tenant, work) =>
      kysely.transaction().execute(async (tx) => {
        await enterTenant(tx, tenant);
        return work(tx);
      }),
    async [Symbol.asyncDispose]() {
      await connection.close();
    },
  };
}

/** All three settings end with the transaction: a pooled connection never carries one tenant's rights to the next. */
async function enterTenant(tx: Transaction, tenant: Tenant): Promise<void> {
  await sql`select set_config('role', 'alcove_app', true),
    set_config('alcove.workspace', ${tenant.workspaceId ?? ''}, true),
    set_config('alcove.account', ${tenant.accountId ?? ''}, true)`.execute(tx);
}
