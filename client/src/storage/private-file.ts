import { chmodSync, closeSync, openSync } from 'node:fs';

/**
 * Makes sure that a file is there and is its owner's alone. SQLite gives its side files the mode of the main one, so
 * doing this first covers all.
 *
 * A file that is there is not opened: closing it again would drop the locks that SQLite holds on it in this process
 * (https://www.sqlite.org/howtocorrupt.html, section 2.2).
 */
export function makePrivateFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (!isThere(error)) throw error;
    chmodSync(path, 0o600);
  }
}

function isThere(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST';
}
