import type { Dialect } from 'kysely';
import type { Db } from 'pg-boss';

/** What the embedded database and PostgreSQL each bring. */
export interface Connection {
  readonly kind: 'embedded' | 'postgres';
  readonly dialect: Dialect;
  /** How the job queue runs its statements. */
  readonly jobs: Db;
  /** See `Database`. */
  scrub(): Promise<void>;
  close(): Promise<void>;
}
