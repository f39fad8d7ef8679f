/** What every step of the tour has at hand. */
import type { Terminal } from './terminal.ts';

export interface Stage {
  readonly terminal: Terminal;
  /** A temporary folder. What lies there is gone when the tour ends, however it ends. */
  readonly folder: string;
  /** What a step opens it leaves here; what was opened last is closed first. */
  readonly opened: AsyncDisposableStack;
  /** Aborted by Ctrl-C: nothing may be opened any more, because nobody would close it. */
  readonly signal: AbortSignal;
}
