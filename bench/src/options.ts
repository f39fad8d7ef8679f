import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Bench } from './bench.ts';

export interface Options {
  readonly benches: readonly Bench[];
  readonly isQuick: boolean;
  readonly isHelp: boolean;
  readonly folder: string;
  readonly profileDir: string | undefined;
}

/** Throws an `Error` with a sentence for arguments that it does not understand. */
export function readOptions(argv: readonly string[], all: readonly Bench[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      folder: { type: 'string', default: tmpdir() },
      profile: { type: 'string' },
    },
  });
  return {
    benches: chooseBenches(
      values.only.flatMap((names) => names.split(',')),
      all,
    ),
    isQuick: values.quick,
    isHelp: values.help,
    folder: resolve(values.folder),
    profileDir: values.profile === undefined ? undefined : resolve(values.profile),
  };
}

function chooseBenches(names: readonly string[], all: readonly Bench[]): readonly Bench[] {
  const stranger = names.find((name) => !all.some((bench) => bench.name === name));
  if (stranger !== undefined) {
    const known = all.map(({ name }) => name).join(', ');
    throw new Error(`There is no benchmark ${JSON.stringify(stranger)}. There are ${known}.`);
  }
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}

export function helpText(all: readonly Bench[]): string {
  const benches = all.map(({ name, summary }) => `  ${name.padEnd(14)}${summary}`);
  return `Usage: npm run bench -- [options]

Measures the whole service beside bare floors on this machine and prints the ratios. bench/README.md explains them.

Options
  --quick         fewer and shorter rounds
  --only NAMES    some of the benchmarks, separated by commas
  --folder DIR    the disk to measure on (default: the system's temporary folder)
  --profile DIR   write CPU profiles of the server there, one for each thread
  --help          this text

Benchmarks
${benches.join('\n')}

ALCOVE_* settings of the environment reach the measured server, for example ALCOVE_VAULT_WORKERS=4.`;
}
