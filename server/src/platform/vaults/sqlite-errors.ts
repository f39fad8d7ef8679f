/** Tells which errors are the disk's, and what the caller may hear of them. */
import { Failure } from '../errors/index.ts';
import { vaultDamaged, vaultDiskFull, vaultUnavailable } from './errors.ts';

/** Primary result codes, https://www.sqlite.org/rescode.html. */
const busy = 5;
const locked = 6;
const readOnly = 8;
const ioError = 10;
const corrupt = 11;
const full = 13;
const cannotOpen = 14;
const notDatabase = 26;

/** Codes of the operating system, met when a folder or file is made. */
const systemFull = new Set(['ENOSPC', 'EDQUOT']);
const systemTrouble = new Set(['EACCES', 'EIO', 'EMFILE', 'ENFILE', 'EPERM', 'EROFS']);

/** The failure behind an error of SQLite or of the file system, or `undefined` for a defect of ours. */
export function findDiskFailure(error: unknown): Failure | undefined {
  if (error instanceof Failure) return undefined;
  switch (primaryCode(error)) {
    case full:
      return vaultDiskFull({ detail: 'Nothing of this request was written.', cause: error });
    case corrupt:
    case notDatabase:
      return vaultDamaged({
        detail: 'Its file cannot be read any more. Restore it from a backup.',
        cause: error,
      });
    case busy:
    case locked:
    case readOnly:
    case ioError:
    case cannotOpen:
      return vaultUnavailable({
        detail: 'The disk did not answer as it should. Try again.',
        headers: { 'Retry-After': '1' },
        cause: error,
      });
    default:
      return undefined;
  }
}

/** Extended codes carry the primary one in their low byte. */
function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  if ('errcode' in error && typeof error.errcode === 'number') return error.errcode & 0xff;
  if (!('code' in error) || typeof error.code !== 'string') return undefined;
  if (systemFull.has(error.code)) return full;
  return systemTrouble.has(error.code) ? ioError : undefined;
}
