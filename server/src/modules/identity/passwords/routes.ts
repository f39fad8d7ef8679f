import * as wire from '@alcove/contract/account';
import { type Route, route } from '../../../http/route.ts';
import type { Passwords } from './service.ts';

const common = { method: 'POST', tag: 'identity', caller: 'anyone', rate: 'sign-in' } as const;

export function passwordRoutes(passwords: Passwords): Route[] {
  return [
    route(
      {
        ...common,
        path: '/api/v1/auth/signup',
        idempotency: 'transaction',
        summary: 'Make an account with a mail address and a password',
        description:
          'A letter with a code proves the address later. A device that comes along gets no keys of a vault until it makes the first ones itself or another device admits it.',
        body: wire.SignupRequest,
        success: { status: 201, body: wire.SessionOpened, description: 'The account and its tokens.' },
      },
      (ctx, { body }) => passwords.signup(ctx, body),
    ),
    route(
      {
        ...common,
        path: '/api/v1/auth/login',
        idempotency: 'transaction',
        summary: 'Sign in with a mail address and a password',
        description: 'After ten wrong attempts at one address each further one has to wait.',
        body: wire.LoginRequest,
        success: { status: 200, body: wire.LoggedIn, description: 'The account and its tokens.' },
      },
      (ctx, { body }) => passwords.login(ctx, body),
    ),
    route(
      {
        ...common,
        caller: 'account',
        path: '/api/v1/auth/password/change',
        idempotency: 'transaction',
        summary: 'Change the password',
        description: 'Ends every other session.',
        body: wire.ChangePasswordRequest,
        success: { status: 204, description: 'Changed.' },
      },
      (ctx, { body }) => passwords.change(ctx, body),
    ),
    route(
      {
        ...common,
        path: '/api/v1/auth/password/forgot',
        idempotency: 'transaction',
        summary: 'Ask for a letter by which to choose a new password',
        description: 'Answers the same for every address. At most one letter a minute and five an hour.',
        body: wire.ForgotPasswordRequest,
        success: { status: 202, body: wire.ForgotPasswordResponse, description: 'Asked.' },
      },
      (ctx, { body }) => passwords.forgot(ctx, body.email),
    ),
    route(
      {
        ...common,
        path: '/api/v1/auth/password/reset',
        idempotency: 'transaction',
        summary: 'Choose a new password with the code of a letter',
        description: 'Ends every session.',
        body: wire.ResetPasswordRequest,
        success: { status: 204, description: 'Changed; sign in with it.' },
      },
      (ctx, { body }) => passwords.reset(ctx, body),
    ),
    route(
      {
        ...common,
        path: '/api/v1/auth/email/verify',
        idempotency: 'transaction',
        summary: 'Prove a mail address with the code of a letter',
        body: wire.VerifyEmailRequest,
        success: { status: 200, body: wire.VerifyEmailResponse, description: 'The account.' },
      },
      (ctx, { body }) => passwords.verifyEmail(ctx, body.token),
    ),
  ];
}
