import type { Role } from '../../context.ts';
import type { Mail } from '../../platform/mail/index.ts';

export interface InvitationLetter {
  readonly workspaceName: string;
  readonly role: Role;
  readonly url: string;
  readonly token: string;
  readonly expiresAt: Date;
}

export function invitationLetter(to: string, about: InvitationLetter): Mail {
  const { workspaceName, role, url, token, expiresAt } = about;
  return {
    to,
    subject: `You are invited to the workspace "${workspaceName}"`,
    text: [
      `You are invited to join the workspace "${workspaceName}" as ${role}.`,
      '',
      'To accept, open this link and sign in:',
      url,
      '',
      'Or enter this code in the app:',
      token,
      '',
      `The invitation stands until ${expiresAt.toISOString().slice(0, 10)}. If you do not know what this is about, ignore it.`,
    ].join('\n'),
  };
}
