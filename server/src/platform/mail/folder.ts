import { randomBytes } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock/index.ts';
import type { Logger } from '../telemetry/index.ts';
import type { Mail, Mailer } from './mail.ts';

/** Where no mail server is set up: a file for each letter, and a line in the log that says where, but not what. */
export function createFolderMailer(parts: {
  readonly directory: string;
  readonly clock: Clock;
  readonly log: Logger;
}): Mailer {
  const { directory, clock, log } = parts;
  return {
    async send(mail) {
      const at = new Date(clock.now()).toISOString();
      const file = join(directory, `${at.replace(/[:.]/g, '-')}-${randomBytes(4).toString('hex')}.txt`);
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await writeWhole(file, textOf(mail, at));
      log.info({ file }, 'no mail server is set up, so a letter was written to a file');
    },
  };
}

/** Whoever watches the folder never sees half a letter. */
async function writeWhole(file: string, text: string): Promise<void> {
  const unfinished = `${file}.part`;
  await writeFile(unfinished, text, { mode: 0o600 });
  await rename(unfinished, file);
}

function textOf({ to, subject, text }: Mail, at: string): string {
  return [`To: ${oneLine(to)}`, `Subject: ${oneLine(subject)}`, `Date: ${at}`, '', text, ''].join('\n');
}

const oneLine = (value: string) => value.replace(/\s+/g, ' ');
