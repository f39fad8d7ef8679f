import { failure } from '../../../platform/errors/index.ts';

export const emailTaken = failure('auth.email_taken', 409, 'An account has this mail address already.');
export const invalidCredentials = failure(
  'auth.invalid_credentials',
  401,
  'The mail address or the password is wrong.',
);
export const wrongPassword = failure('auth.wrong_password', 403, 'The password is wrong.');
export const passwordRequired = failure('auth.password_required', 403, 'This change needs the password.');
export const noPassword = failure('auth.no_password', 409, 'The account has no password.');
export const weakPassword = failure('auth.weak_password', 400, 'The password is not acceptable.');
export const tooManyAttempts = failure(
  'auth.too_many_attempts',
  429,
  'There were too many attempts; wait before the next one.',
);
export const busy = failure('auth.busy', 503, 'Too many people sign in at this moment; try again shortly.');
export const mailTokenInvalid = failure(
  'auth.mail_token_invalid',
  400,
  'The code is not valid: it was used, has expired, or was never given out.',
);
