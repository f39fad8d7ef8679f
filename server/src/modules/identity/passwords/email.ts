/** A mail address as it is kept and compared: the same mailbox in practice is the same text. */
export function normaliseEmail(email: string): string {
  return email.normalize('NFC').trim().toLowerCase();
}
