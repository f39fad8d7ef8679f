/** What letters say. Links begin with an address from the settings, never with anything that a request brought. */
import type { OAuthProvider } from '@alcove/contract/account';
import type { Mail } from '../../platform/mail/index.ts';

export interface Letters {
  verify(to: string, token: string): Mail;
  reset(to: string, token: string): Mail;
  passwordChanged(to: string): Mail;
  emailChanged(to: string): Mail;
  serviceLinked(to: string, provider: OAuthProvider): Mail;
  recoverySet(to: string): Mail;
  recoveryReplaced(to: string): Mail;
  recoveryUsed(to: string): Mail;
}

const services: Readonly<Record<OAuthProvider, string>> = { google: 'Google', github: 'GitHub' };

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
    serviceLinked: (to, provider) => ({
      to,
      subject: `${services[provider]} was added to your account`,
      text: paragraphs(
        `From now on, whoever signs in at ${services[provider]} with the account that was added just now gets into yours.`,
        'If that was not you, take it out in the app at once, and end the sessions that you do not know.',
      ),
    }),
    recoverySet: (to) => ({
      to,
      subject: 'A recovery key was set',
      text: paragraphs(
        'Your account has a recovery key from now on: whoever has its words gets in, and reads what is in the vault.',
        'If that was not you, set another one in the app at once, and take out the devices that you do not know.',
      ),
    }),
    recoveryReplaced: (to) => ({
      to,
      subject: 'Your recovery key was replaced',
      text: paragraphs(
        'Your account has another recovery key from now on. The words of the one before let nobody in any more.',
        'If that was not you, set another one in the app at once, and take out the devices that you do not know.',
      ),
    }),
    recoveryUsed: (to) => ({
      to,
      subject: 'Your recovery key was used',
      text: paragraphs(
        'A new device signed in to your account just now with the words of your recovery key.',
        'If that was not you, take the device out in the app and replace the recovery key at once: somebody has the words.',
      ),
    }),
  };
}

const paragraphs = (...texts: readonly string[]) => `${texts.join('\n\n')}\n`;
