/** Run as a process by `embedded.ts`, with the folder as its argument. */
import { PGlite } from '@electric-sql/pglite';
import { startParams } from './embedded-settings.ts';

const pglite = await PGlite.create(String(process.argv[2]), { startParams });
await pglite.close();
