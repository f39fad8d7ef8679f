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
const { runCli } = await import('../src/cli.ts');
process.exitCode = await runCli(process.argv.slice(2));
