/** Run as a process by `embedded.ts`, with the folder as its argument and a pipe to it as standard input. */
import { rmSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';

// Code that runs once is not worth optimising: without that, making the files takes a third less of the processor.
setFlagsFromString('--liftoff-only');
const { PGlite } = await import('@electric-sql/pglite');
const { startParams } = await import('./embedded-settings.ts');

const folder = String(process.argv[2]);
let isWhole = false;
process.once('exit', () => {
  if (!isWhole) rmSync(folder, { recursive: true, force: true });
});
// The pipe ends with the process that asked: nobody waits for this database any more.
process.stdin.resume().once('end', () => process.exit(1));

const pglite = await PGlite.create(folder, { startParams });
await pglite.close();
isWhole = true;
process.exit(0);
