/** `npm run bench`: measures on this machine, now, and prints one table. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { benches } from './benches/index.ts';
import { describeMachine } from './harness/machine.ts';
import { createProgress } from './harness/progress.ts';
import { helpText, type Options, readOptions } from './options.ts';
import { renderSection } from './report.ts';

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const options = parse(argv);
  if (options === undefined) return 2;
  if (options.isHelp) console.log(helpText(benches));
  else await run(options);
  return 0;
}

function parse(argv: readonly string[]): Options | undefined {
  try {
    return readOptions(argv, benches);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error} See npm run bench -- --help.`);
    return undefined;
  }
}

async function run(options: Options): Promise<void> {
  const folder = mkdtempSync(join(options.folder, 'alcove-bench-'));
  // Also when a person stops it half-way: a run leaves hundreds of megabytes behind otherwise.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

  console.log(['Alcove bench', ...describeMachine(folder)].join('\n'));
  for (const bench of options.benches) {
    const own = join(folder, bench.name);
    mkdirSync(own);
    const progress = createProgress(bench.name);
    const sections = await bench.run({ ...options, folder: own, progress: progress.say });
    progress.end();
    for (const section of sections) console.log(`\n${renderSection(section)}`);
    rmSync(own, { recursive: true });
  }
}
