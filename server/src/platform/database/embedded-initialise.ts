/** Run as a process by `embedded.ts`, with the folder as its argument and a pipe to it as standard input. */
import { rmSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';
import { startParams } from './embedded-settings.ts';

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
