#!/usr/bin/env node
// Plain JavaScript without static imports, so that an old Node gets as far as the sentence below.
const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  console.error(
    `Alcove needs Node 24 or newer, and this is Node ${process.versions.node}.\n` +
      'In the repository `npm ci` brings the right one along: use `npm start` or `npx alcove` there.\n' +
      'Elsewhere, install it from https://nodejs.org.',
  );
  process.exit(1);
}
// Compiled sources kept from the last start save a third of this one, and threads some of their memory. In the checkout, not
// in a folder of the machine that everybody may write to; where it cannot be written, nothing is kept.
const { fileURLToPath } = await import('node:url');
const { enableCompileCache } = await import('node:module');
const compiled = fileURLToPath(new URL('../../node_modules/.cache/alcove', import.meta.url));
enableCompileCache(compiled);
process.env.NODE_COMPILE_CACHE ??= compiled; // What threads and programs that are started from here look at.

const { runCli } = await import('../src/cli.ts');
process.exitCode = await runCli(process.argv.slice(2));
