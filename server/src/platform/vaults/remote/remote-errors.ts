/** Tells what the caller may hear when a database on another machine does not serve. */
import { Failure } from '../../errors/index.ts';
import { OutboundError } from '../../outbound/index.ts';
import { vaultDamaged, vaultDiskFull, vaultTooMuchAtOnce, vaultUnavailable } from '../errors.ts';
import type { WireError } from './hrana.ts';

/** The database is not there: never made, not ready yet, or removed. */
export class DatabaseAbsent extends Error {
  override readonly name = 'DatabaseAbsent';
}

/** The token was refused. It may have expired. */
export class DatabaseForbidden extends Error {
  override readonly name = 'DatabaseForbidden';
}

/** An error of SQLite on the other machine. Its message speaks of tables and columns, not of what they hold. */
export class RemoteSqlError extends Error {
  override readonly name = 'RemoteSqlError';
  readonly code: string;

  constructor({ code, message }: WireError) {
    super(message);
    this.code = code ?? 'UNKNOWN';
  }
}

/** Also for what ran into its time limit: whether it was done or not, it is safe to repeat. */
export const unavailable = (cause: unknown): Failure =>
  vaultUnavailable({
    detail: 'The machine that holds the vault did not answer as it should. It is safe to repeat.',
    headers: { 'Retry-After': '2' },
    cause,
  });

export const isUnavailable = (error: unknown): boolean =>
  error instanceof Failure && error.code === vaultUnavailable().code;

export const refusedByHost = (what: string, status: number): Failure =>
  unavailable(new Error(`the host of the databases answered ${status} to: ${what} a database`));

/** The failure behind an error on the way to a database, or the error itself where it is a defect of ours. */
export function explainRemote(error: unknown): unknown {
  if (error instanceof Failure) return error;
  if (error instanceof OutboundError)
    return error.reason === 'too_large' ? tooMuch(error) : unavailable(error);
  if (error instanceof DatabaseAbsent || error instanceof DatabaseForbidden) return unavailable(error);
  return error instanceof RemoteSqlError ? explainSql(error) : error;
}

function explainSql(error: RemoteSqlError): unknown {
  const [, primary = error.code] = /^SQLITE_([A-Z]+)/.exec(error.code) ?? [];
  switch (primary) {
    case 'FULL':
      return vaultDiskFull({ detail: 'Nothing of this request was written.', cause: error });
    case 'CORRUPT':
    case 'NOTADB':
      return vaultDamaged({ detail: 'It cannot be read any more. Restore it from a backup.', cause: error });
    case 'RESPONSE_TOO_LARGE':
      return tooMuch(error);
    case 'ERROR':
    case 'CONSTRAINT':
    case 'MISMATCH':
    case 'RANGE':
    case 'SQL_INPUT_ERROR':
    case 'SQL_PARSE_ERROR':
      return error;
    default:
      return unavailable(error);
  }
}

export const tooMuch = (cause: unknown): Failure =>
  vaultTooMuchAtOnce({ detail: 'Send fewer changes at once.', cause });
