import { SettingsError } from '../platform/config/index.ts';
import { DecryptionError, KeyWrapperError, SecretFileError } from '../platform/crypto/index.ts';
import { DataFolderError } from '../platform/lock/index.ts';
import { RefusedError, UnansweredError } from './refused.ts';

/** What to print when a command failed: a sentence for what an operator can mend, the stack for a defect. */
export function explainFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isForOperator = [
    SettingsError,
    DataFolderError,
    SecretFileError,
    KeyWrapperError,
    RefusedError,
    UnansweredError,
  ].some((kind) => error instanceof kind);
  return isForOperator ? error.message : (sentenceFor(error) ?? error.stack ?? error.message);
}

function sentenceFor(error: Error): string | undefined {
  if (error instanceof DecryptionError) {
    return (
      `What is encrypted here cannot be read: ${error.message}. Is this the master key of these data ` +
      '(ALCOVE_MASTER_KEY, or master.key in the data folder)? Restore the one that is.'
    );
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return Object.hasOwn(sentences, code) ? sentences[code]?.(error.message) : undefined;
}

/** Codes of the operating system (upper case) and of PostgreSQL (appendix A of its manual). Their messages hold no secrets. */
const sentences: Readonly<Record<string, (message: string) => string>> = {
  EADDRINUSE: (message) =>
    `Something already listens there (${message}). Stop it, or set PORT to another one.`,
  EADDRNOTAVAIL: (message) => `This machine does not have that address (${message}). Set HOST to one it has.`,
  EACCES: (message) => `This user may not do that (${message}).`,
  EPERM: (message) => `This user may not do that (${message}).`,
  EROFS: (message) => `That disk takes no writes (${message}). Point ALCOVE_DATA_DIR to one that does.`,
  ENOSPC: (message) => `The disk is full (${message}).`,
  ECONNREFUSED: (message) => `PostgreSQL does not answer at DATABASE_URL (${message}). Is it running?`,
  ENOTFOUND: (message) => `The host in DATABASE_URL is not known (${message}).`,
  '28000': (message) => `PostgreSQL refuses the user in DATABASE_URL (${message}).`,
  '28P01': (message) => `PostgreSQL refuses the user or password in DATABASE_URL (${message}).`,
  '3D000': (message) => `The database in DATABASE_URL does not exist (${message}). Create it first.`,
};
