/** The heap of this thread, where the engine's own time for looking after it is not the best one. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Collects all garbage now and gives the memory behind it back to the system. Stops the thread meanwhile, a tenth of a second
 * for some 60 MB, so it is for moments at which nobody waits. Where the engine does not lend its collector, nothing happens.
 */
export function giveBackGarbage(): void {
  // The engine shows its collector to contexts that are made after this alone, so nobody else gets to see it.
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('globalThis.gc');
  if (typeof collect === 'function') collect({ type: 'major', flavor: 'last-resort' });
}
