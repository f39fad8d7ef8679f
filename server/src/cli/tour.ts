import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Command } from './command.ts';

export const tour: Command = {
  name: 'tour',
  summary: 'Show two devices of one person in sync, end-to-end encrypted.',
  operands: [],
  options: {
    journal: {
      value: 'FILE',
      what: 'A Day One export (JSON) or a folder of Markdown, instead of the sample.',
    },
  },
  details: 'Starts a server of its own when none is running.',
  async run({ values }) {
    const journal = values.journal === undefined ? [] : ['--journal', values.journal];
    return runProgram(fileURLToPath(new URL('../../../examples/tour/main.ts', import.meta.url)), journal);
  },
};

/** The tour is an example like any other and knows only the client: it runs as a program of its own. */
async function runProgram(path: string, args: readonly string[]): Promise<number> {
  const child = spawn(process.execPath, [path, ...args], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  return typeof code === 'number' ? code : 1;
}
