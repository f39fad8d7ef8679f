import { PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Connection } from './connection.ts';

const connectTimeoutMs = 10_000;
const poolSizeMax = 10;

export function connectPostgres(url: string, onError: (error: unknown) => void): Connection {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSizeMax,
    connectionTimeoutMillis: connectTimeoutMs,
    application_name: 'alcove',
    types: { getTypeParser },
  });
  // Without a listener an idle connection that breaks would end the process.
  pool.on('error', onError);

  return {
    kind: 'postgres',
    dialect: new PostgresDialect({ pool }),
    jobs: { executeSql: (text, values) => pool.query(text, values ? [...values] : undefined) },
    scrub: async () => undefined,
    close: () => pool.end(),
  };
}

/** 64-bit integers as numbers, as the embedded database gives them: none of ours leaves the safe range. */
function getTypeParser(oid: number, format?: 'text' | 'binary') {
  return oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format ?? 'text');
}
