import { AlcoveError } from '../errors.ts';

const sqliteBusy = 5;

/** True when another connection holds the lock that a statement needs. */
export function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy;
}

export function sqliteToAlcoveError(file: string, error: unknown): AlcoveError {
  if (error instanceof AlcoveError) return error;
  if (isBusy(error)) {
    const message = `Another program holds ${file}. Close it first.`;
    return new AlcoveError('storage.in_use', message, { cause: error });
  }
  if (error instanceof Error && /not open|finalized/.test(error.message)) {
    return new AlcoveError('storage.closed', `${file} was closed.`, { cause: error });
  }
  const reason = error instanceof Error ? error.message : String(error);
  return new AlcoveError('storage.failed', `${file} could not be used: ${reason}.`, { cause: error });
}
