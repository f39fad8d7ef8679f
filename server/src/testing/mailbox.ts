/** The letters that a service without a mail server wrote into its data folder. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

interface Mailbox {
  readonly dataDir: string;
}

const patienceMs = 10_000;

/** Every letter to that address whose subject fits, in the order of their coming. */
export async function lettersTo({ dataDir }: Mailbox, to: string, subject: RegExp): Promise<string[]> {
  const folder = join(dataDir, 'mails');
  const files = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.txt'));
  const letters = await Promise.all(files.sort().map((name) => readFile(join(folder, name), 'utf8')));
  return letters.filter(
    (letter) => letter.startsWith(`To: ${to}\n`) && subject.test(/^Subject: (.*)$/m.exec(letter)?.[1] ?? ''),
  );
}

/** The newest of at least `count` such letters, once they are there: they are sent after the answer. */
export async function waitForLetter(
  mailbox: Mailbox,
  to: string,
  subject: RegExp,
  count = 1,
): Promise<string> {
  const until = Date.now() + patienceMs;
  while (Date.now() < until) {
    const letters = await lettersTo(mailbox, to, subject);
    const last = letters.at(-1);
    if (letters.length >= count && last !== undefined) return last;
    await sleep(30);
  }
  throw new Error(`no ${subject} came to ${to}`);
}

/** The code that stands on a line of its own. */
export function codeIn(letter: string): string {
  const [, code] = /^([A-Za-z0-9_-]{43})$/m.exec(letter) ?? [];
  if (code === undefined) throw new Error(`the letter holds no code:\n${letter}`);
  return code;
}
