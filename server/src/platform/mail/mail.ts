/** One letter in plain text. */
export interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** Hands a letter over to whoever delivers it; rejects when that did not work and may be tried again. */
export interface Mailer {
  send(mail: Mail, signal: AbortSignal): Promise<void>;
}
