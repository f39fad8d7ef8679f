/** What the tour is told, and what it says about itself. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const sampleJournal = fileURLToPath(new URL('sample-journal', import.meta.url));

export const help = `npm run tour -- [options]

Shows two devices of one person in sync, end-to-end encrypted: registers a laptop, imports a journal, pairs a phone,
edits on both while offline, brings both together, shows what the server sees of it, and revokes the phone.

  --journal FILE    A Day One export (JSON) or a folder of Markdown, instead of the sample.
  --help            Show this.

It talks to the server that runs at HOST and PORT. When none is there it starts one, on ALCOVE_DATA_DIR if that is set,
else on a temporary folder that is removed at the end.`;

export type Invocation =
  | { readonly kind: 'tour'; readonly journalPath: string }
  | { readonly kind: 'help' }
  | { readonly kind: 'misunderstood'; readonly reason: string };

export function readCommandLine(args: readonly string[]): Invocation {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { journal: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help) return { kind: 'help' };
    if (values.journal === '')
      return { kind: 'misunderstood', reason: 'The option --journal needs a value.' };
    return { kind: 'tour', journalPath: resolve(values.journal ?? sampleJournal) };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { kind: 'misunderstood', reason: firstSentence(error.message) };
  }
}

/** The parser goes on with advice that fits other programs. */
function firstSentence(message: string): string {
  return `${message.split(/\.\s|\n/)[0]}.`.replace(/\.\.$/, '.');
}
