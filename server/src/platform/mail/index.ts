/** Letters to people: by SMTP where one is set up, otherwise into a folder where a developer finds them. */
export { createFolderMailer } from './folder.ts';
export type { Mail, Mailer } from './mail.ts';
export { createMailQueue, type MailQueue } from './queue.ts';
export { createSmtpMailer } from './smtp.ts';
