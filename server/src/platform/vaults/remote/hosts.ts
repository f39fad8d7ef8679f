/** Where remote databases are made, found and removed: a libSQL server of one's own, or Turso. */

import type { HttpConnections } from './http.ts';
import { createLibsqlServer, type LibsqlServerOptions } from './libsql-server.ts';
import { createTurso, type TursoOptions } from './turso.ts';

/** Where a database answers, and with which right. */
export interface DatabaseAddress {
  readonly url: URL;
  /** What the Host header says, where it is not the host of `url`. */
  readonly host?: string;
  readonly authorization: string | undefined;
}

export interface DatabaseHost {
  /** Makes the database unless it is there. It may take some seconds more until it answers. */
  create(name: string, deadlineMs: number): Promise<void>;
  /** `refresh` asks anew for whatever was remembered: the last answer was refused. */
  locate(name: string, options: { deadlineMs: number; refresh: boolean }): Promise<DatabaseAddress>;
  /** Doing it twice is the same as doing it once. */
  remove(name: string, deadlineMs: number): Promise<void>;
}

export type DatabaseHostOptions =
  | ({ readonly kind: 'libsql-server' } & LibsqlServerOptions)
  | ({ readonly kind: 'turso' } & TursoOptions);

export function createDatabaseHost(options: DatabaseHostOptions, connections: HttpConnections): DatabaseHost {
  return options.kind === 'turso'
    ? createTurso(options, connections)
    : createLibsqlServer(options, connections);
}
