import { failure } from '../../../platform/errors/index.ts';

export const providerUnknown = failure('oauth.provider_unknown', 404, 'Nobody signs in that way here.');
export const redirectNotAllowed = failure(
  'oauth.redirect_not_allowed',
  400,
  'A sign-in may not lead back to that address.',
);
export const stateInvalid = failure(
  'oauth.state_invalid',
  400,
  'This sign-in was not begun in this browser, or too long ago; begin again.',
);
export const denied = failure('oauth.denied', 403, 'The sign-in was not agreed to.');
export const providerFailed = failure(
  'oauth.provider_failed',
  502,
  'The other service could not say who this is.',
);
export const codeInvalid = failure(
  'oauth.code_invalid',
  400,
  'The code is not valid: it was used or has expired.',
);
