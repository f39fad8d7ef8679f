import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startMailServer } from '../../testing/doubles/smtp.ts';
import { systemClock } from '../clock/index.ts';
import { Secret } from '../crypto/index.ts';
import { createLogger } from '../telemetry/index.ts';
import { createFolderMailer, createSmtpMailer } from './index.ts';

const mail = { to: 'ada@example.com', subject: 'Grüße', text: 'Your code is hunter2-secret.\n' };
const { signal } = new AbortController();

async function smtp() {
  const server = await startMailServer();
  onTestFinished(() => server[Symbol.asyncDispose]());
  return {
    server,
    mailer: createSmtpMailer({ url: new Secret(server.url), from: 'Alcove <no-reply@example.com>' }),
  };
}

test('a letter goes to the mail server with its sender, recipient, subject and text', async () => {
  const { server, mailer } = await smtp();
  await mailer.send(mail, signal);
  const [letter = ''] = server.letters;
  expect(letter).toMatch(/^From: Alcove <no-reply@example\.com>$/m);
  expect(letter).toMatch(/^To: ada@example\.com$/m);
  expect(letter).toMatch(/^Subject: =\?UTF-8\?/m);
  expect(letter).toContain('Your code is hunter2-secret.');
});

test('a refusal rejects without the address that the mail server quotes', async () => {
  const { server, mailer } = await smtp();
  server.mood = 'refuses';
  const refused = mailer.send(mail, signal);
  await expect(refused).rejects.toThrow(/did not take a letter \(EENVELOPE, it answered 550\)/);
  await expect(refused).rejects.not.toThrow(/ada/);
});

test('line breaks in a recipient or subject add no header and no recipient', async () => {
  const { server, mailer } = await smtp();
  const sly = { to: 'ada@example.com\r\nBcc: eve@example.com', subject: 'Hi\r\nX-Sly: yes', text: 'x' };
  await mailer.send(sly, signal).catch(() => undefined);
  expect(server.letters.join('\n')).not.toMatch(/^(?:Bcc|X-Sly):/m);
});

test('without a mail server a letter is a file of its own, and the log does not tell what it says', async () => {
  const directory = join(await mkdtemp(join(tmpdir(), 'alcove-mails-')), 'mails');
  onTestFinished(() => rm(join(directory, '..'), { recursive: true }));
  const lines: string[] = [];
  const log = createLogger({ level: 'info', human: false, write: (line) => void lines.push(line) });
  const mailer = createFolderMailer({ directory, clock: systemClock, log });
  await mailer.send(mail, signal);
  await mailer.send(mail, signal);
  const files = await readdir(directory);
  expect(files).toHaveLength(2);
  const file = join(directory, files[0] ?? '');
  expect(await readFile(file, 'utf8')).toMatch(
    /^To: ada@example\.com\nSubject: Grüße\nDate: .*\n\nYour code/,
  );
  expect((await stat(file)).mode & 0o077).toBe(0);
  expect(lines.join('')).toContain(directory);
  expect(lines.join('')).not.toMatch(/hunter2|ada@/);
});
