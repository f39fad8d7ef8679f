import type { Transporter } from 'nodemailer';
import type { Secret } from '../crypto/index.ts';
import type { Mail, Mailer } from './mail.ts';

const connectTimeoutMs = 10_000;
const silenceTimeoutMs = 30_000;

/** `url` as smtp://user:password@host:587 (with STARTTLS where the server offers it) or smtps://…:465. */
export function createSmtpMailer({ url, from }: { readonly url: Secret; readonly from: string }): Mailer {
  let opening: Promise<Transporter> | undefined;
  return {
    async send({ to, subject, text }: Mail) {
      opening ??= openTransport(url, from);
      const transport = await opening;
      try {
        await transport.sendMail({ to: { name: '', address: to }, subject, text });
      } catch (error) {
        throw describe(error);
      }
    },
  };
}

/** The library takes a megabyte or two, and who sends no letters need not load it. */
async function openTransport(url: Secret, from: string): Promise<Transporter> {
  const { createTransport } = await import('nodemailer');
  return createTransport(
    {
      url: url.reveal(),
      connectionTimeout: connectTimeoutMs,
      greetingTimeout: connectTimeoutMs,
      socketTimeout: silenceTimeoutMs,
      // A letter is text of ours: nothing in it may make the library read a file or ask another machine.
      disableFileAccess: true,
      disableUrlAccess: true,
    },
    { from },
  );
}

/** Mail servers quote addresses in what they refuse, and job queues keep errors: only their codes are passed on. */
function describe(error: unknown): Error {
  const code = member(error, 'code') ?? 'unknown';
  const answer = member(error, 'responseCode');
  return new Error(
    `the mail server did not take a letter (${code}${answer === undefined ? '' : `, it answered ${answer}`})`,
  );
}

function member(error: unknown, name: 'code' | 'responseCode'): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const value: unknown = new Map(Object.entries(error)).get(name);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}
