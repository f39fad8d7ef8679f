/** What letters say. Links begin with an address from the settings, never with anything that a request brought. */
import type { Mail } from '../../../platform/mail/index.ts';

export interface Letters {
  verify(to: string, token: string): Mail;
  reset(to: string, token: string): Mail;
  passwordChanged(to: string): Mail;
  emailChanged(to: string): Mail;
}

export function createLetters({ appUrl }: { readonly appUrl: string }): Letters {
  // Behind the #, the code reaches the page and no server's log on the way.
  const link = (page: string, token: string) => `${appUrl}/${page}#token=${token}`;
  return {
    verify: (to, token) => ({
      to,
      subject: 'Confirm your mail address',
      text: paragraphs(
        'Please confirm that this is your mail address. Open this link:',
        link('verify-email', token),
        'Or enter this code in the app:',
        token,
        'Link and code work once, for 24 hours. If you did not ask for this letter, ignore it.',
      ),
    }),
    reset: (to, token) => ({
      to,
      subject: 'Choose a new password',
      text: paragraphs(
        'Somebody, we hope you, asked for a new password for your account. Open this link to choose one:',
        link('reset-password', token),
        'Or enter this code in the app:',
        token,
        'Link and code work once, for one hour. If you did not ask for this letter, ignore it: your password stays.',
      ),
    }),
    passwordChanged: (to) => ({
      to,
      subject: 'Your password was changed',
      text: paragraphs(
        'The password of your account was changed just now, and other sessions were ended.',
        'If that was not you, ask for a new password in the app at once.',
      ),
    }),
    emailChanged: (to) => ({
      to,
      subject: 'Your mail address was changed',
      text: paragraphs(
        'Your account has another mail address from now on. This is the last letter to the old one.',
        'If that was not you, tell whoever runs this service.',
      ),
    }),
  };
}

const paragraphs = (...texts: readonly string[]) => `${texts.join('\n\n')}\n`;
